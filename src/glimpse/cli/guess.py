"""What disk format a file or URL holds, told from its first bytes; never from its name."""

import io
import zlib
from pathlib import Path

from glimpse.cli.web import fetch_head, is_url
from glimpse.errors import Invalid, NotFound

# The farthest mark looked for is btrfs' at 64 KiB; a packed beginning of this size holds more than that.
HEAD_BYTES = 1 << 20

# File systems that are used without a partition table, by where they say so.
FILE_SYSTEMS = ((0x438, b"\x53\xef"), (0, b"XFSB"), (0x10040, b"_BHRfS_M"))

# Wrappings that a disk image comes in and that the service does not look into before it has unpacked them.
WRAPPERS = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"PK\3\4": "zip",
}

ASK = "Say what it is: --disk-format"


def guess_format(what: str) -> str:
    """The disk format of the file or URL ``what``, looked for inside gzip too.

    Raises :class:`glimpse.errors.Invalid` where its beginning does not tell, :class:`glimpse.errors.NotFound`
    for a file that is not there.
    """
    head = read_head(what)
    wrapper = next((name for magic, name in WRAPPERS.items() if head.startswith(magic)), None)
    if wrapper == "gzip":
        head = unpack(head, what)
    elif wrapper is not None:
        raise Invalid(f"{what} is packed with {wrapper}, so its disk format cannot be seen", hint=ASK)
    found = disk_format(head)
    if found is None:
        raise Invalid(f"the beginning of {what} does not tell what disk format it is", hint=ASK)
    return found


def read_head(what: str) -> bytes:
    """The first MiB."""
    if is_url(what):
        return fetch_head(what, HEAD_BYTES)
    try:
        with Path(what).open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise NotFound(f"{what} cannot be read: {error.strerror}") from error


def unpack(head: bytes, what: str) -> bytes:
    """The beginning of what a gzip holds."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise Invalid(f"{what} begins like gzip but cannot be unpacked ({error})") from error


def disk_format(head: bytes) -> str | None:
    """The format that ``head`` is the beginning of, by its name in the Image API; None when unknown."""
    from oslo_utils.imageutils.format_inspector import InspectWrapper

    inspection = InspectWrapper(io.BytesIO(head))
    inspection.read(len(head))
    inspection.close()
    names = {str(found) for found in inspection.formats or ()}
    if "iso" in names:  # a bootable one is a partitioned disk as well
        return "iso"
    if names == {"gpt"}:
        return "raw"
    if len(names) == 1 and names <= {"qcow2", "vhd", "vhdx", "vmdk", "vdi"}:
        return names.pop()
    if any(head[offset : offset + len(mark)] == mark for offset, mark in FILE_SYSTEMS):
        return "raw"
    return None
