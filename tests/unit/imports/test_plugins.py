from pathlib import Path

import pytest

from glimpse import config
from glimpse.config import Settings
from glimpse.errors import Invalid
from glimpse.imports.draft import Draft
from glimpse.imports.plugins import PluginError, load
from glimpse.transfer.plan import Convert, Planner, Source, Spool, Unpack


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.load(data=tmp_path)


def elements(settings: Settings, names: list[str], disk_format: str, container: str = "bare") -> list[object]:
    """What a download of this format goes through."""
    draft = Draft(Planner("web"), disk_format, container)
    for plugin in load(names, settings):
        plugin.contribute(draft)
    return list(draft.planner.plan().elements)


def test_plugins_come_in_configured_order(settings: Settings) -> None:
    names = ["no_op", "inject_image_metadata", "image_decompression", "image_conversion"]
    assert [plugin.name for plugin in load(names, settings)] == names
    assert load([], settings) == ()


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["no_such_plugin"], "no_such_plugin"),
        (["no_op", "no_op"], "more than once"),
        (["image_conversion", "image_decompression"], "must stand before"),
    ],
)
def test_what_cannot_work_is_refused_at_start(settings: Settings, names: list[str], word: str) -> None:
    with pytest.raises(PluginError) as caught:
        load(names, settings)
    assert word in caught.value.message


def test_conversion_adds_what_is_needed_and_nothing_else(settings: Settings) -> None:
    assert elements(settings, ["image_conversion"], "raw") == [Source("web")]
    assert elements(settings, ["image_conversion"], "iso") == [Source("web")]
    assert elements(settings, ["image_conversion"], "qcow2") == [
        Source("web"),
        Spool(),
        Convert("qcow2", "raw"),
    ]
    with pytest.raises(Invalid, match="ami"):
        elements(settings, ["image_conversion"], "ami")


def test_decompression_leaves_compressed_containers_alone(settings: Settings) -> None:
    assert elements(settings, ["image_decompression"], "raw") == [Source("web"), Unpack()]
    assert elements(settings, ["image_decompression"], "raw", "compressed") == [Source("web")]
