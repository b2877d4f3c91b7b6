"""How a disk image is opened by qemu: by the one driver that its format needs, and from a file."""

from collections.abc import Sequence
from pathlib import Path

from glimpse.transfer.confine import Argument, Input

# Formats that can be read, and qemu's names for them.
QEMU_NAMES = {"qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vpc": "vpc", "vhdx": "vhdx"}

# The disk of a vhd is as large as its footer says. Left to itself, qemu (block/vpc.c) takes the size of a few creators
# from there; of all others, VirtualBox among them, it takes whole cylinders and would cut the rest off.
_SIZED = {"vpc": "force_size_calc=current_size,"}


def opened(path: Path, driver: str) -> Sequence[Argument]:
    """Arguments by which qemu's programs read the file ``path`` with ``driver``, whatever may be in it."""
    options = f"driver={driver},{_SIZED.get(driver, '')}file.driver=file,file.filename="
    return ["--image-opts", Input(path.absolute(), options=options)]
