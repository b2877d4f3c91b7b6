"""The byte budget of a process."""

import asyncio

import pytest

from glimpse.staging.budget import ByteBudget


class Held:
    """A transfer that holds bytes back, and whose bytes are gone a moment after it passes them on."""

    def __init__(self, budget: ByteBudget, idle: int) -> None:
        self.idle_bytes = idle
        self.flushed = 0
        self._budget = budget
        budget.join(self)
        budget.add(idle)

    def flush(self) -> None:
        amount, self.idle_bytes = self.idle_bytes, 0
        self.flushed += amount
        self._budget.moved(amount)
        asyncio.get_running_loop().call_soon(self._budget.done, amount)


async def soon(budget: ByteBudget, amount: int) -> None:
    async with asyncio.timeout(5):
        await budget.take(amount)


def test_what_fits_is_taken_without_waiting() -> None:
    budget = ByteBudget(10)
    assert budget.take_now(6)
    assert not budget.take_now(5)
    assert budget.take_now(4)
    budget.give(10)
    assert budget.held == 0


def test_more_than_the_whole_is_let_through_alone() -> None:
    budget = ByteBudget(10)
    assert budget.take_now(1000)
    assert not budget.take_now(1)


def test_who_waits_is_served_in_order() -> None:
    async def story() -> list[int]:
        budget, served = ByteBudget(10), list[int]()
        assert budget.take_now(10)

        async def take(amount: int) -> None:
            await soon(budget, amount)
            served.append(amount)

        tasks = [asyncio.create_task(take(amount)) for amount in (8, 1, 2)]
        await asyncio.sleep(0)
        budget.give(9)
        await asyncio.sleep(0.01)
        assert served == [8, 1]
        budget.give(9)
        await asyncio.gather(*tasks)
        return served

    assert asyncio.run(story()) == [8, 1, 2]


def test_idle_bytes_make_room_for_who_waits_the_largest_first() -> None:
    async def story() -> None:
        budget = ByteBudget(1000)
        small = [Held(budget, 1) for _ in range(100)]
        large = Held(budget, 900)
        await soon(budget, 500)
        assert large.flushed == 900
        assert sum(holder.flushed for holder in small) < 100
        assert budget.held <= 1000

    asyncio.run(story())


@pytest.mark.parametrize("holders", [1, 10, 1000])
def test_nobody_waits_for_ever_however_many_hold_a_little(holders: int) -> None:
    async def story() -> None:
        budget = ByteBudget(1000)
        for _ in range(holders):
            Held(budget, 5000 // holders)
        await asyncio.gather(*(soon(budget, 10) for _ in range(50)))
        assert budget.held <= 1000

    asyncio.run(story())


def test_who_gives_up_waiting_holds_nothing() -> None:
    async def story() -> None:
        budget = ByteBudget(10)
        assert budget.take_now(10)
        first, second = asyncio.create_task(budget.take(5)), asyncio.create_task(budget.take(1))
        await asyncio.sleep(0)
        first.cancel()
        budget.give(10)
        async with asyncio.timeout(5):
            await second
        assert budget.held == 1

    asyncio.run(story())


def test_who_gives_up_when_its_turn_has_come_gives_it_back() -> None:
    async def story() -> None:
        budget = ByteBudget(10)
        assert budget.take_now(10)
        waiting = asyncio.create_task(budget.take(5))
        await asyncio.sleep(0)
        budget.give(10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert budget.held == 0

    asyncio.run(story())
