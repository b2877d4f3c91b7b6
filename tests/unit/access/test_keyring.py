"""Keys in a file, from its making to the day when one is taken out."""

import base64
import re
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.fernet import Fernet

from glimpse.access.keyring import KeyRing, KeyRingUnusable
from glimpse.config import load

TEXT = b"a token"


def new_key() -> str:
    """As operators make it."""
    return subprocess.check_output(["openssl", "rand", "-base64", "32"], text=True)


def test_the_first_use_makes_a_file_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "key-ring"
    sealed = KeyRing(path).seal(TEXT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TEXT.decode() not in sealed
    assert KeyRing(path).open(sealed) == TEXT
    assert [each.name for each in path.parent.iterdir()] == ["key-ring"]


def test_a_file_for_everybody_is_used_and_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "ring"
    KeyRing(path).seal(TEXT)
    assert not caplog.messages
    path.chmod(0o644)
    KeyRing(path).seal(TEXT)
    assert caplog.messages == [f"The key ring {path} can be read by every user of this host: chmod 600 it."]


def test_it_is_encrypted_by_fernet_under_the_key_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    sealed = KeyRing(path).seal(TEXT)
    _, key = path.read_text().splitlines()
    assert Fernet(key).decrypt(sealed.partition(":")[2]) == TEXT
    assert sealed != KeyRing(path).seal(TEXT)


def test_those_who_make_it_together_make_one(tmp_path: Path) -> None:
    path, ready = tmp_path / "ring", Barrier(8)

    def use(number: int) -> str:
        ready.wait()
        return KeyRing(path).seal(str(number).encode())

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(use, range(8)))
    assert {KeyRing(path).open(each) for each in sealed} == {str(n).encode() for n in range(8)}
    assert list(tmp_path.iterdir()) == [path]


def test_keys_are_rotated_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    ring, old = KeyRing(path), new_key()
    path.write_text(old)
    before = ring.seal(TEXT)
    new = new_key().replace("+", "-").replace("/", "_")
    path.write_text(f"# first the new one\n\n{new}{old}")
    after = ring.seal(TEXT)
    assert after.partition(":")[0] != before.partition(":")[0]
    assert ring.open(before) == ring.open(after) == TEXT
    path.write_text(new)
    assert ring.open(after) == TEXT
    with pytest.raises(
        KeyRingUnusable, match=f"with key {before.partition(':')[0]}, which is not in"
    ) as caught:
        ring.open(before)
    assert "copy it here" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no key"),
        (b"# nothing\n", "has no key"),
        (b"x\n", ":1: is no key"),
        (b"\n" + base64.b64encode(b"k" * 31), ":2: is no key"),
        (b"\xff\xfe", "it is no text"),
    ],
)
def test_a_broken_file_is_told_without_what_is_in_it(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "ring"
    path.write_bytes(content)
    for use in (lambda: KeyRing(path).seal(TEXT), lambda: KeyRing(path).open("0:x")):
        with pytest.raises(KeyRingUnusable, match=re.escape(words)) as caught:
            use()
        assert str(path) in caught.value.message


def test_who_reads_does_not_make_it(tmp_path: Path) -> None:
    with pytest.raises(KeyRingUnusable, match="There is no key ring"):
        KeyRing(tmp_path / "ring").open("00000000:x")
    assert not list(tmp_path.iterdir())


def test_a_place_where_it_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyRingUnusable, match=r"cannot be made: (Not a directory|File exists)"):
        KeyRing(tmp_path / "file" / "ring").seal(TEXT)


def test_what_was_changed_is_not_read(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "ring")
    sealed = ring.seal(TEXT)
    with pytest.raises(KeyRingUnusable, match="has been changed"):
        ring.open(sealed[:-4] + "AAAA")


def test_it_is_where_the_configuration_says(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere"
    KeyRing.of(load(data=tmp_path / "data")).seal(TEXT)
    KeyRing.of(load(data=tmp_path / "data", overrides={"glimpse.key_ring": str(named)})).seal(TEXT)
    assert (tmp_path / "data" / "key-ring").is_file()
    assert named.is_file()
