"""Blocking checks beside the event loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from glimpse.access.beside import Beside
from glimpse.errors import Unavailable

DEADLINE = 10.0


@pytest.fixture
def beside() -> Iterator[Beside[int]]:
    made: Beside[int] = Beside("test", threads=2, waiting=3)
    yield made
    made.close()


class Gate:
    """A check that waits until it is let through, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self._open = threading.Event()

    def __call__(self) -> int:
        self.asked += 1
        assert self._open.wait(DEADLINE)
        return self.asked

    def open(self) -> None:
        self._open.set()


def test_the_same_check_is_done_once_for_all_who_ask_meanwhile(beside: Beside[int]) -> None:
    gate = Gate()

    async def main() -> list[int]:
        asked = [asyncio.ensure_future(beside.once("same", gate)) for _ in range(50)]
        await asyncio.sleep(0)
        gate.open()
        return await asyncio.gather(*asked)

    assert asyncio.run(main()) == [1] * 50
    assert asyncio.run(beside.once("same", gate)) == 2, "what has ended is not remembered"


def test_too_many_are_turned_away_at_once_and_the_rest_served(beside: Beside[int]) -> None:
    gate = Gate()

    async def main() -> list[int | BaseException]:
        asked = [asyncio.ensure_future(beside.once(number, gate)) for number in range(8)]
        await asyncio.wait(asked[5:], timeout=DEADLINE)
        assert [task.done() for task in asked] == [False] * 5 + [True] * 3
        gate.open()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(main())
    assert all(isinstance(answer, int) for answer in answers[:5])
    assert all(isinstance(answer, Unavailable) for answer in answers[5:])


def test_who_gives_up_takes_the_answer_from_nobody(beside: Beside[int]) -> None:
    gate = Gate()

    async def main() -> int:
        first = asyncio.ensure_future(beside.once("same", gate))
        second = asyncio.ensure_future(beside.once("same", gate))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.open()
        return await second

    assert asyncio.run(main()) == 1


def test_a_failure_is_everybodys_and_nobody_has_to_look(beside: Beside[int]) -> None:
    def fail() -> int:
        raise Unavailable("down")

    async def main() -> None:
        asked = [asyncio.ensure_future(beside.once("same", fail)) for _ in range(3)]
        for task in asked:
            with pytest.raises(Unavailable):
                await task
        forgotten = asyncio.ensure_future(beside.once("same", fail))
        await asyncio.sleep(0)
        forgotten.cancel()

    asyncio.run(main())
