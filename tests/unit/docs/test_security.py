"""The list of threats: each has a test that shows what is done about it, and that test is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from glimpse.config import load

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text()
_NODE = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)+)`")
_MODULES = re.compile(r"^- Where: (.+)$", re.MULTILINE)


def threats() -> dict[str, str]:
    """The text under each heading of the third level."""
    parts = re.split(r"^### (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return {
        title: re.split(r"^## ", text, flags=re.MULTILINE)[0]
        for title, text in zip(*[iter(parts)] * 2, strict=True)
    }


THREATS = threats()


def defined(path: Path) -> Iterator[str]:
    """The tests of a file as pytest names them, without parameters."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"::{node.name}"
        elif isinstance(node, ast.ClassDef):
            yield from (
                f"::{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)
            )


@pytest.mark.parametrize("title", THREATS)
def test_a_threat_has_tests_that_are_there(title: str) -> None:
    found = _NODE.findall(THREATS[title])
    assert found, "no test shows it"
    for name, test in found:
        assert (ROOT / name).is_file(), name
        assert test in set(defined(ROOT / name)), f"{name}{test}"
        assert test.rpartition("::")[2].startswith("test_")


def test_the_example_at_the_top_is_a_configuration(tmp_path: Path) -> None:
    match = re.match(r"# Security\n\n((?:    .*\n|\n)+)", PAGE)
    assert match
    (tmp_path / "glimpse.conf").write_text(dedent(match[1]))
    settings = load([tmp_path / "glimpse.conf"], (), tmp_path)
    assert settings.import_filtering_opts.allowed_networks == ("0.0.0.0/0", "::/0", "10.20.0.0/16")
    assert not settings.import_filtering_opts.allow_private_networks
    assert settings.default.user_storage_quota == 500 << 30


def test_nothing_that_looks_like_a_test_is_left_unread() -> None:
    assert PAGE.count("tests/") == len(_NODE.findall(PAGE))


@pytest.mark.parametrize("title", THREATS)
def test_a_threat_is_met_in_modules_that_are_there(title: str) -> None:
    (line,) = _MODULES.findall(THREATS[title])
    room = ""
    for name in re.findall(r"`([\w/.]+)`", line):
        # A name without a directory stands beside the one before.
        room, path = (name.rpartition("/")[0], name) if "/" in name else (room, f"{room}/{name}")
        assert (ROOT / "src" / "glimpse" / path).exists(), path


@pytest.mark.parametrize(
    "known",
    [
        "OSSN-0078",
        "CVE-2022-47951",
        "CVE-2024-32498",
        "CVE-2026-34881",
        "CVE-2026-71196",
        "CVE-2026-71197",
        "CVE-2026-71198",
        "CVE-2015-5162",
        "CVE-2015-5163",
    ],
)
def test_what_is_known_of_this_field_is_on_the_list(known: str) -> None:
    assert any(known in text for text in THREATS.values())
