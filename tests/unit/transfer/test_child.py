"""A child's last words are kept, and no more of them than anybody reads."""

import sys
from pathlib import Path

import pytest

from glimpse.transfer.child import Child

# 100 MB in pieces; what cannot be written is left out, as by programs that do not look.
TALK = """
import os
for number in range(1600):
    try:
        os.write(2, b"%05d " % number * 10_000 + b"\\n")
    except PermissionError:
        pass
os._exit(7)
"""


def child_of(script: str, names: dict[str, str] | None = None) -> Child:
    return Child.start(
        [sys.executable, "-c", script], environment={}, stdin=None, stdout=None, names=names or {}
    )


def ended(script: str, names: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and last words of a child that runs ``script``."""
    child = child_of(script, names)
    try:
        return child.wait(30), child.errors()
    finally:
        child.stop()


def kept(child: Child) -> int:
    """Bytes of memory that hold what a child has said."""
    [file] = [
        entry
        for entry in Path("/proc/self/fd").iterdir()
        if entry.is_symlink() and str(entry.readlink()).startswith("/memfd:stderr")
    ]
    return file.stat().st_blocks * 512


def test_a_child_that_talks_much_is_not_held_up_and_takes_no_memory() -> None:
    child = child_of(TALK)
    try:
        assert child.wait(30) == 7
        assert kept(child) == 64 << 10
        assert child.errors().startswith("00000 00000 ")
        assert len(child.errors()) < 500
    finally:
        child.stop()


def test_words_are_what_was_said_and_nothing_else() -> None:
    assert ended("import os; os.write(2, b'one\\n\\n  two\\n')") == (0, "one; two")
    assert ended("pass") == (0, "")


@pytest.mark.parametrize("length", [1 << 20, 1])
def test_a_child_cannot_change_how_much_is_kept(length: int) -> None:
    script = f"import os\ntry: os.ftruncate(2, {length})\nexcept PermissionError: os.write(2, b'refused')"
    assert ended(script) == (0, "refused")


def test_names_of_this_host_are_left_out() -> None:
    place = "/some/where/image"
    script = f"import os; os.write(2, b\"cannot open '{place}' or {place}.part\")"
    assert ended(script, {place: "the image", f"{place}.part": "the result"}) == (
        0,
        "cannot open the image or the result",
    )


def test_nothing_is_open_after_the_end() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    child = child_of("import time; time.sleep(60)")
    child.stop()
    child.stop()
    assert child.errors() == ""
    assert len(list(Path("/proc/self/fd").iterdir())) == before
