"""A qemu-nbd that serves one file, and nothing else of the host."""

from pathlib import Path

import pytest

from glimpse.transfer.confine import ChildLimits, probe
from glimpse.transfer.disk.nbd.client import NbdClient
from glimpse.transfer.disk.nbd.protocol import NbdDisconnected
from glimpse.transfer.disk.qemu_nbd import serve
from glimpse.transfer.stop import NEVER
from tests.unit.transfer.disk.images import MIB, qemu_img, qemu_io

LIMITS = ChildLimits(cpu_seconds=60, address_space=4 << 30)


@pytest.mark.parametrize("bubblewrap", [True, False])
def test_serves_the_image_to_one_client(bubblewrap: bool, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "2M")
    qemu_io(image, "write -P 7 1M 512k")
    with serve(image, "qcow2", limits=LIMITS, confinement=probe(bubblewrap=bubblewrap)) as (sock, _):
        client = NbdClient(sock, stop=NEVER)
        assert client.size == 2 * MIB
        assert [(run.offset, run.length) for run in client.runs(0, client.size) if not run.zero] == [
            (MIB, MIB // 2)
        ]
        assert [bytes(data) for _, data in client.read([(MIB - 1, 2)])] == [b"\x00\x07"]


def test_a_backing_file_that_got_past_inspection_is_out_of_reach(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret" * 1000)
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", secret, image)
    with serve(image, "qcow2", limits=LIMITS, confinement=probe()) as (sock, child):
        with pytest.raises(NbdDisconnected):
            NbdClient(sock, stop=NEVER)
        child.wait(5)
        assert "No such file or directory" in child.errors()


def test_an_image_is_never_read_as_another_format(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "2M")
    with serve(image, "vdi", limits=LIMITS, confinement=probe()) as (sock, child):
        with pytest.raises(NbdDisconnected):
            NbdClient(sock, stop=NEVER)
        child.wait(5)
        assert "vdi" in child.errors().lower()
        assert str(tmp_path) not in child.errors()
