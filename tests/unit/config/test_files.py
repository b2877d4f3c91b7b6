import os
from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.config import ConfigError, Settings, load
from glimpse.config.files import read

Conf = Callable[[str], Path]


def test_the_later_file_wins(read: Callable[..., Settings]) -> None:
    settings = read("[DEFAULT]\nbind_port = 1\nworkers = 7\n", "[DEFAULT]\nbind_port = 2\n")
    assert (settings.default.bind_port, settings.default.workers) == (2, 7)


def test_directories_are_read_after_the_files_in_the_order_of_names(conf: Conf, tmp_path: Path) -> None:
    main = conf("[DEFAULT]\nbind_port = 1\n")
    drop_ins = tmp_path / "conf.d"
    drop_ins.mkdir()
    (drop_ins / "20.conf").write_text("[DEFAULT]\nbind_port = 20\n")
    (drop_ins / "10.conf").write_text("[DEFAULT]\nbind_port = 10\nworkers = 5\n")
    (drop_ins / "99.conf.bak").write_text("[DEFAULT]\nbind_port = 99\n")
    settings = load([main], [drop_ins], tmp_path)
    assert (settings.default.bind_port, settings.default.workers) == (20, 5)


def test_the_place_of_an_option_is_its_last_line(conf: Conf) -> None:
    first = conf("[DEFAULT]\nbind_port = 1\n")
    second = conf("\n[DEFAULT]\n# two\nbind_port = 2\nlog_dir = a\n    b\n\nbind_port = 3\n")
    origin = read([first, second], []).last("DEFAULT", "bind_port")
    assert str(origin) == f"{second}:8"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^{tmp_path}/none.conf: No such file or directory$"):
        load([tmp_path / "none.conf"])


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^{tmp_path}/none: no such configuration directory$"):
        load(dirs=[tmp_path / "none"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(conf: Conf) -> None:
    path = conf("[DEFAULT]\n")
    path.chmod(0)
    with pytest.raises(ConfigError, match=f"^{path}: Permission denied$"):
        load([path])


def test_a_directory_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^{tmp_path}: Is a directory$"):
        load([tmp_path])


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.conf"
    path.write_bytes(b"[DEFAULT]\n\xff\xfe = 1\n")
    with pytest.raises(ConfigError, match=f"^{path}: is not a text in UTF-8$"):
        load([path])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[DEFAULT]\nwhat\n", "glance-api.conf:2: No ':' or '=' found in assignment: 'what'"),
        ("[DEFAULT\n", "glance-api.conf:1: Invalid section (must end with ]): '[DEFAULT'"),
        ("\nbind_port = 1\n", "glance-api.conf:2: bind_port stands before the first [section]"),
        ("[DEFAULT]\n= 1\n", "glance-api.conf:2: Key cannot be empty: '= 1'"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(refusal: Callable[[str], str], text: str, problem: str) -> None:
    assert refusal(text) == problem
