"""Manifests are read as OVF defines them."""

import hashlib

import pytest

from glimpse.errors import Invalid
from glimpse.transfer.archive.manifest import Manifest

DATA = b"disk" * 999
SHA1 = hashlib.sha1(DATA).hexdigest()
WRONG = "0" * 40


def judged(*small: bytes, behind: tuple[bytes, ...] = (), name: str = "disk.vmdk") -> None:
    manifest = Manifest()
    for data in small:
        manifest.see(data)
    assert b"".join(manifest.watch(iter([DATA[:7], DATA[7:]]), name)) == DATA
    for data in behind:
        manifest.see(data)
    manifest.check(name)


@pytest.mark.parametrize(
    "line",
    [
        f"SHA1(disk.vmdk)= {WRONG}",
        f"SHA1 (disk.vmdk) = {WRONG}\r\n",
        f"\n  sha1(./disk.vmdk)={WRONG}  \n\n",
        f"SHA256(other)= 11\nSHA1(disk.vmdk)= {WRONG}\n",
        f"SHA1(disk.vmdk)= {SHA1}\nSHA1(disk.vmdk)= {WRONG}\n",
    ],
)
def test_a_wrong_digest_is_found(line: str) -> None:
    with pytest.raises(Invalid, match=f"its sha1 is {SHA1}, and the archive's manifest says .*{WRONG}"):
        judged(line.encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        f"SHA1(disk.vmdk)= {SHA1.upper()}\n".encode(),
        f"SHA1(other.vmdk)= {WRONG}\n".encode(),
        f"{WRONG}  disk.vmdk\n".encode(),  # what sha1sum writes is no manifest
        f"SHA1(disk.vmdk)= {WRONG}\nand more\n".encode(),
        f"MD5(disk.vmdk)= {WRONG}\n".encode(),
        bytes(range(256)),
    ],
)
def test_what_says_nothing_of_the_disk_is_ignored(text: bytes) -> None:
    judged(text)
    judged(behind=(text,))
    judged(b"<ovf:Envelope>", behind=(text,))


def test_a_name_with_brackets_is_a_name() -> None:
    with pytest.raises(Invalid, match="damaged"):
        judged(f"SHA1(disk (1).vmdk)= {WRONG}".encode(), name="disk (1).vmdk")


def test_nothing_is_hashed_for_an_archive_that_is_no_ova() -> None:
    """A manifest behind the disk says nothing then: nobody announced it."""
    judged(b"README", behind=(f"SHA1(disk.vmdk)= {WRONG}".encode(),))
    with pytest.raises(Invalid, match="damaged"):
        judged(b"<Envelope xmlns=''>", behind=(f"SHA1(disk.vmdk)= {WRONG}".encode(),))
