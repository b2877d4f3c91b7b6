"""A place to write configuration files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.config import ConfigError, Settings, load

FILES = Path(__file__).parent / "files"


@pytest.fixture
def conf(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a file with this text, each the next in a directory."""

    def write(text: str) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.conf"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def read(conf: Callable[[str], Path], tmp_path: Path) -> Callable[..., Settings]:
    """Loads files with these texts."""

    def load_texts(*texts: str, **overrides: object) -> Settings:
        return load([conf(text) for text in texts], data=tmp_path / "data", overrides=overrides)

    return load_texts


@pytest.fixture
def refusal(conf: Callable[[str], Path], tmp_path: Path) -> Callable[[str], str]:
    """The one line with which a file of this text is refused, from its file name on."""

    def refused(text: str) -> str:
        path = conf(text)
        with pytest.raises(ConfigError) as caught:
            load([path], data=tmp_path / "data")
        assert "\n" not in caught.value.message
        return caught.value.message.replace(str(path), "glance-api.conf")

    return refused
