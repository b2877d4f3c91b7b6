"""What image_conversion adds to a plan, and what it refuses at start."""

from pathlib import Path

import pytest

from glimpse import config
from glimpse.errors import GlimpseError, Invalid
from glimpse.imports.draft import Draft
from glimpse.imports.plugins.image_conversion import ImageConversion
from glimpse.transfer.plan import Convert, Planner


def plugin(data: Path, output_format: str, **image_format: object) -> ImageConversion:
    overrides: dict[str, object] = {"image_conversion.output_format": output_format}
    overrides |= {f"image_format.{name}": value for name, value in image_format.items()}
    return ImageConversion(config.load(data=data, overrides=overrides))


def contributed(of: ImageConversion, disk_format: str | None, container: str | None = "bare") -> Draft:
    draft = Draft(Planner("web"), disk_format, container)
    of.contribute(draft)
    return draft


def conversion(draft: Draft) -> tuple[str, str] | None:
    found = [element for element in draft.planner.plan().elements if isinstance(element, Convert)]
    return (found[0].source, found[0].target) if found else None


TARGETS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vhd", "vpc": "vhd"}


@pytest.mark.parametrize("output_format", TARGETS)
@pytest.mark.parametrize("source", ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"])
def test_every_source_is_converted_to_every_target(output_format: str, source: str, tmp_path: Path) -> None:
    target = TARGETS[output_format]
    draft = contributed(plugin(tmp_path, output_format), source)
    assert conversion(draft) == (None if source == target else (source, target))
    assert (draft.disk_format, draft.container_format) == (target, "bare")


@pytest.mark.parametrize(("output_format", "expected"), [("raw", None), ("qcow2", ("raw", "qcow2"))])
def test_a_partitioned_disk_counts_as_raw(
    output_format: str, expected: tuple[str, str] | None, tmp_path: Path
) -> None:
    assert conversion(contributed(plugin(tmp_path, output_format), "gpt")) == expected


@pytest.mark.parametrize(
    ("disk_format", "container"),
    [("iso", "bare"), ("qcow2", "compressed"), ("ami", "compressed"), (None, None)],
)
def test_what_is_left_alone(disk_format: str | None, container: str | None, tmp_path: Path) -> None:
    draft = contributed(plugin(tmp_path, "raw"), disk_format, container)
    assert conversion(draft) is None
    assert (draft.disk_format, draft.container_format) == (disk_format, container)


@pytest.mark.parametrize("disk_format", ["ami", "ari", "aki", "ploop", "something"])
def test_what_cannot_be_read_is_refused(disk_format: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=f"'{disk_format}' cannot be converted to qcow2") as caught:
        contributed(plugin(tmp_path, "qcow2"), disk_format)
    assert "qcow2, raw, vdi, vhd, vhdx, vmdk" in caught.value.hint


def test_another_container_is_believed_where_its_data_can_be_recognised(tmp_path: Path) -> None:
    draft = contributed(plugin(tmp_path, "raw"), "vmdk", "ovf")
    assert conversion(draft) == ("vmdk", "raw")
    assert draft.container_format == "bare"
    assert conversion(contributed(plugin(tmp_path, "raw"), "raw", "docker")) is None
    with pytest.raises(Invalid, match="docker") as caught:
        contributed(plugin(tmp_path, "qcow2"), "raw", "docker")
    assert "bare" in caught.value.hint


@pytest.mark.parametrize(("output_format", "named"), [("vdi", "vdi"), ("vpc", "vhd"), ("raw", "raw")])
def test_a_target_that_images_may_not_have_is_refused_at_start(
    output_format: str, named: str, tmp_path: Path
) -> None:
    with pytest.raises(GlimpseError, match=f"disk_formats does not allow {named}") as caught:
        plugin(tmp_path, output_format, disk_formats=["qcow2", "iso"])
    assert "qcow2, iso" in caught.value.hint


@pytest.mark.parametrize("allowed", [[], ["monolithicFlat"]])
def test_vmdk_that_would_not_be_let_in_is_refused_at_start(allowed: list[str], tmp_path: Path) -> None:
    with pytest.raises(GlimpseError, match="vmdk_allowed_types"):
        plugin(tmp_path, "vmdk", vmdk_allowed_types=allowed)
    plugin(tmp_path, "vmdk", vmdk_allowed_types=["streamoptimized"])
    plugin(tmp_path, "qcow2", vmdk_allowed_types=allowed)
