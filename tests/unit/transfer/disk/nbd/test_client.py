"""Reading exports: of nbdkit, an independent server, and of servers that lie."""

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from glimpse.errors import Cancelled
from glimpse.transfer.disk.nbd import protocol as p
from glimpse.transfer.disk.nbd.client import NbdClient, Run
from glimpse.transfer.disk.nbd.protocol import NbdDisconnected, NbdError
from glimpse.transfer.stop import NEVER
from tests.unit.transfer.disk.nbd.hostile import SIZE, Peer, server

KIB, MIB = 1 << 10, 1 << 20


def read(client: NbdClient, ranges: Iterable[tuple[int, int]], depth: int = 16) -> list[tuple[int, bytes]]:
    """What the client gives for the ranges."""
    return [(offset, bytes(data)) for offset, data in client.read(ranges, depth=depth)]


@contextmanager
def nbdkit(*arguments: str, directory: Path) -> Iterator[NbdClient]:
    """A client of an nbdkit that serves what the arguments say."""
    path = directory / "socket"
    command = ["nbdkit", "--exit-with-parent", "--foreground", "--unix", str(path), *arguments]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 10
            with socket.socket(socket.AF_UNIX) as sock:
                while sock.connect_ex(str(path)) != 0:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                with closing(NbdClient(sock, stop=NEVER)) as client:
                    yield client
        finally:
            process.kill()


def test_reads_ranges_in_order_with_many_under_way(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(3 * MIB + 77)
    (tmp_path / "disk").write_bytes(content)
    chance = random.Random(2)
    ranges = [
        (offset, chance.randint(1, 300 * KIB)) for offset in (chance.randrange(2 * MIB) for _ in range(60))
    ]
    # nbdkit answers in any order; the delays make sure that it does.
    with nbdkit("--filter=delay", "file", str(tmp_path / "disk"), "rdelay=3ms", directory=tmp_path) as client:
        assert client.size == len(content)
        for depth in (1, 3, 16):
            assert read(client, ranges, depth) == [
                (offset, content[offset : offset + length]) for offset, length in ranges
            ]


def test_tells_empty_ranges_from_data(tmp_path: Path) -> None:
    with nbdkit("data", "@1048576 1*1024 @4194304 2*2048 @8388608", "size=16M", directory=tmp_path) as client:
        runs = list(client.runs(0, client.size))
    assert sum(run.length for run in runs) == 16 * MIB
    data = [(run.offset, run.length) for run in runs if not run.zero]
    assert data == [(MIB, 32 * KIB), (4 * MIB, 32 * KIB)]  # nbdkit keeps pages of 32 KiB


def test_disks_beyond_the_32_bits_of_a_request_are_walked_through(tmp_path: Path) -> None:
    with nbdkit("data", "@9663676416 1", "size=10G", directory=tmp_path) as client:
        runs = list(client.runs(0, client.size))
        assert sum(run.length for run in runs) == 10 << 30
        [data] = [run for run in runs if not run.zero]
        assert read(client, [(data.offset, 2)]) == [(9 << 30, b"\x01\x00")]


def test_error_of_the_server_is_told_with_the_range(tmp_path: Path) -> None:
    with (
        nbdkit(
            "--filter=error", "memory", "1M", "error-pread=EIO", "error-pread-rate=1", directory=tmp_path
        ) as client,
        pytest.raises(NbdError, match="cannot read the image between 512 and 1024"),
    ):
        list(client.read([(512, 512)]))


def test_ranges_may_be_found_while_reads_are_under_way(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(2 * MIB)
    (tmp_path / "disk").write_bytes(content)

    def ranges() -> Iterator[tuple[int, int]]:
        for start in range(0, 2 * MIB, 256 * KIB):
            for run in client.runs(start, start + 256 * KIB):
                yield run.offset, run.length

    with nbdkit("file", str(tmp_path / "disk"), directory=tmp_path) as client:
        assert b"".join(data for _, data in client.read(ranges(), depth=4)) == content


def test_answers_in_pieces_and_out_of_order_are_put_together() -> None:
    def script(peer: Peer) -> None:
        peer.negotiate()
        _, first, _, _ = peer.request()
        _, second, _, _ = peer.request()
        peer.data(second, 600, b"b" * 100)
        peer.data(first, 50, b"a" * 50, flags=0)
        peer.chunk(p.CHUNK_HOLE, first, p.HOLE.pack(0, 50), flags=0)
        peer.chunk(p.CHUNK_NONE, first)

    with server(script) as sock, closing(NbdClient(sock, stop=NEVER)) as client:
        assert read(client, [(0, 100), (600, 100)]) == [(0, bytes(50) + b"a" * 50), (600, b"b" * 100)]


def test_ranges_beyond_what_was_asked_for_are_cut() -> None:
    def script(peer: Peer) -> None:
        peer.negotiate()
        _, cookie, _, _ = peer.request()
        payload = b"\0\0\0\1" + p.STATUS.pack(50, p.STATE_ZERO) + p.STATUS.pack(1 << 31, 0)
        peer.chunk(p.CHUNK_BLOCK_STATUS, cookie, payload)

    with server(script) as sock, closing(NbdClient(sock, stop=NEVER)) as client:
        assert list(client.runs(0, 100)) == [Run(0, 50, True), Run(50, 50, False)]


def _data_twice(peer: Peer, cookie: int) -> None:
    peer.data(cookie, 0, bytes(512), flags=0)
    peer.data(cookie, 0, bytes(512))


BAD_READS: dict[str, Callable[[Peer, int], None]] = {
    "another-cookie": lambda peer, cookie: peer.data(cookie + 1, 0, bytes(512)),
    "before-the-range": lambda peer, cookie: peer.data(cookie, (1 << 64) - 1, bytes(512)),
    "after-the-range": lambda peer, cookie: peer.data(cookie, 1, bytes(512)),
    "too-much": lambda peer, cookie: peer.data(cookie, 0, bytes(513)),
    "too-little": lambda peer, cookie: peer.data(cookie, 0, bytes(511)),
    "twice": _data_twice,
    "no-bytes": lambda peer, cookie: peer.data(cookie, 0, b""),
    "nothing": lambda peer, cookie: peer.chunk(p.CHUNK_NONE, cookie),
    "too-large-a-hole": lambda peer, cookie: peer.chunk(p.CHUNK_HOLE, cookie, p.HOLE.pack(0, 513)),
    "unknown-kind": lambda peer, cookie: peer.chunk(77, cookie),
    "block-status": lambda peer, cookie: peer.chunk(p.CHUNK_BLOCK_STATUS, cookie, bytes(12)),
    "endless-error": lambda peer, cookie: peer.send(
        p.CHUNK.pack(p.STRUCTURED_REPLY_MAGIC, 1, p.CHUNK_IS_ERROR | 1, cookie, 1 << 31)
    ),
    "error": lambda peer, cookie: peer.chunk(p.CHUNK_IS_ERROR | 1, cookie, b"\0\0\0\5\0\4full"),
    "noise": lambda peer, _: peer.send(bytes(range(64))),
}


@pytest.mark.parametrize("name", BAD_READS)
def test_answers_that_make_no_sense_are_errors(name: str) -> None:
    def script(peer: Peer) -> None:
        peer.negotiate()
        _, cookie, _, _ = peer.request()
        BAD_READS[name](peer, cookie)

    with server(script) as sock, closing(NbdClient(sock, stop=NEVER)) as client, pytest.raises(NbdError):
        list(client.read([(0, 512)]))


BAD_RUNS: dict[str, bytes] = {
    "none": b"\0\0\0\1",
    "empty": b"\0\0\0\1" + p.STATUS.pack(0, 0),
    "too-many": b"\0\0\0\1" + 2 * p.STATUS.pack(SIZE, 0),
    "another-context": b"\0\0\0\2" + p.STATUS.pack(SIZE, 0),
    "half-a-run": b"\0\0\0\1" + p.STATUS.pack(SIZE, 0) + b"\0\0\0\0",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_lists_of_ranges_that_make_no_sense_are_errors(name: str) -> None:
    def script(peer: Peer) -> None:
        peer.negotiate()
        _, cookie, _, _ = peer.request()
        peer.chunk(p.CHUNK_BLOCK_STATUS, cookie, BAD_RUNS[name])

    with server(script) as sock, closing(NbdClient(sock, stop=NEVER)) as client, pytest.raises(NbdError):
        list(client.runs(0, SIZE))


def _greet(peer: Peer, flags: int = p.FIXED_NEWSTYLE | p.NO_ZEROES) -> None:
    peer.send(p.NBD_MAGIC + p.OPTION_MAGIC + flags.to_bytes(2, "big"))
    peer.receive(4)


def _refuse(peer: Peer) -> None:
    _greet(peer)
    peer.option_reply(peer.option(), p.REPLY_IS_ERROR | 1, b"not today")


def _talk_for_ever(peer: Peer) -> None:
    _greet(peer)
    option = peer.option()
    while True:
        peer.option_reply(option, p.REPLY_INFO, b"x")


def _no_contexts(peer: Peer) -> None:
    _greet(peer)
    peer.option_reply(peer.option(), p.REPLY_ACK)
    peer.option_reply(peer.option(), p.REPLY_ACK)


BAD_GREETINGS: dict[str, tuple[Callable[[Peer], None], str]] = {
    "another-protocol": (lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "does not speak NBD"),
    "old-style": (lambda peer: _greet(peer, 0), "does not speak NBD"),
    "refusal": (_refuse, "refused: not today"),
    "endless-replies": (_talk_for_ever, "does not speak NBD"),
    "no-allocation": (_no_contexts, "which ranges are empty"),
}


@pytest.mark.parametrize("name", BAD_GREETINGS)
def test_greetings_that_make_no_sense_are_errors(name: str) -> None:
    script, words = BAD_GREETINGS[name]
    with server(script) as sock, pytest.raises(NbdError, match=words):
        NbdClient(sock, stop=NEVER)


def test_end_of_the_connection_is_an_error_of_its_own() -> None:
    def script(peer: Peer) -> None:
        peer.negotiate()
        _, cookie, _, _ = peer.request()
        peer.send(p.CHUNK.pack(p.STRUCTURED_REPLY_MAGIC, 1, p.CHUNK_DATA, cookie, 520))
        raise EOFError

    with (
        server(script) as sock,
        closing(NbdClient(sock, stop=NEVER)) as client,
        pytest.raises(NbdDisconnected),
    ):
        list(client.read([(0, 512)]))


class StopAtOnce:
    """Asks for the end from the first wait on."""

    def check(self) -> None:
        """Raise Cancelled."""
        raise Cancelled("stopped")


def test_waiting_can_be_stopped() -> None:
    started = time.monotonic()
    with server(lambda _: None) as sock, pytest.raises(Cancelled):
        NbdClient(sock, stop=StopAtOnce())
    assert time.monotonic() - started < 1


def test_silent_server_is_given_up() -> None:
    with (
        server(lambda peer: peer.negotiate()) as sock,
        closing(NbdClient(sock, stop=NEVER, stall=0.1)) as client,
        pytest.raises(NbdError, match="did not answer"),
    ):
        list(client.read([(0, 512)]))
