"""The thread that a child lives with."""

import os
import threading
from collections.abc import Iterator

import pytest

from glimpse.transfer import confine
from glimpse.transfer.archive import program
from glimpse.transfer.archive.keeper import Keeper
from glimpse.transfer.extent import Buffer
from tests.unit.transfer.archive.pack import lha, noise
from tests.unit.transfer.helpers import DEADLINE

BOTH = pytest.mark.parametrize(
    "confinement", [confine.probe(), confine.probe(bubblewrap=False)], ids=["bubblewrap", "limits-only"]
)


def said(keeper: Keeper) -> bytes:
    """All that the child says."""
    with os.fdopen(os.dup(keeper.output), "rb") as file:
        return file.read()


@BOTH
def test_feeds_its_source_from_a_thread_of_its_own_and_closes_it_there(
    confinement: confine.Confinement,
) -> None:
    archive = lha({"disk": noise(100_000)})
    seen: set[str] = set()

    def chunks() -> Iterator[Buffer]:
        try:
            seen.add(threading.current_thread().name)
            yield archive[:50]
            yield archive[50:]
        finally:
            seen.add(threading.current_thread().name)

    keeper = Keeper("lha", chunks(), confinement=confinement)
    try:
        frames = said(keeper)
        assert keeper.fed.wait(DEADLINE)
        assert keeper.error is None
        assert keeper.moved == len(archive)
        assert seen == {"glimpse-lha"}
        assert frames.startswith(program.FRAME.pack(program.MEMBER, 6) + b"\1\0disk")
        assert frames.endswith(program.FRAME.pack(program.END, 0))
    finally:
        keeper.close()


def test_a_child_ends_when_it_is_closed_not_when_its_starter_ends() -> None:
    keepers: list[Keeper] = []
    starter = threading.Thread(
        target=lambda: keepers.append(Keeper("tar", iter([b"x"]), confinement=confine.probe()))
    )
    starter.start()
    starter.join(DEADLINE)
    (keeper,) = keepers
    try:
        assert program.FRAME.pack(program.ERROR, 0)[:1] == said(keeper)[:1]
    finally:
        keeper.close()
