"""Work that is not left half-way."""

import asyncio

import pytest

from glimpse.api.steady import to_the_end


def test_work_goes_on_when_its_task_is_cancelled_and_the_cancellation_comes_after() -> None:
    async def scene() -> None:
        begun, go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def work() -> None:
            begun.set()
            await go.wait()
            done.set()

        task = asyncio.ensure_future(to_the_end(work()))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done.is_set()

    asyncio.run(scene())


def test_results_and_errors_are_passed_on() -> None:
    async def answer() -> int:
        return 5

    async def fail() -> None:
        raise ValueError("no")

    assert asyncio.run(to_the_end(answer())) == 5
    with pytest.raises(ValueError, match="no"):
        asyncio.run(to_the_end(fail()))
