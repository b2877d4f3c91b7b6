import re
from collections.abc import Callable

from glimpse.config import Settings, sample

Read = Callable[..., Settings]


def test_the_sample_changes_nothing_as_it_stands(read: Read) -> None:
    assert read(sample()) == read("")


def test_every_default_in_the_sample_is_accepted(read: Read) -> None:
    text = re.sub(r"^#(\w+ =)", r"\1", sample().partition("# For each store")[0], flags=re.MULTILINE)
    # What depends on the installation, or is not set, has no text that could be read.
    text = "\n".join(line for line in text.splitlines() if "<data>" not in line and "<None>" not in line)
    settings, default = read(text), read("")
    assert settings.import_filtering_opts == default.import_filtering_opts
    assert settings.cors == default.cors
    assert settings.glimpse == default.glimpse
    assert settings.default == default.default


def test_the_sample_reads_like_those_of_oslo_config() -> None:
    text = sample()
    assert text.startswith("[DEFAULT]\n")
    assert (
        "# Port to listen on. (integer value)\n# Should be a whole number from 1 to"
        " 65535.\n#bind_port = 9292\n"
    ) in text
    assert "#enabled_import_methods = [glance-direct, web-download, copy-image]\n" in text
    assert "# Older name: [glance_download_opts] extra_properties\n" in text
    assert max(len(line) for line in text.splitlines() if line.startswith("# ")) <= 78
