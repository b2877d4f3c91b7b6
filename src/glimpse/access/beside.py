"""Checks that block, done beside the event loop: few at a time, and only so many waiting."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from glimpse.errors import Unavailable

T = TypeVar("T")


class Beside(Generic[T]):
    """Threads for checks of one kind. The same check asked for by several at once is done once."""

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._limit = threads + waiting
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def once(self, key: Hashable, check: Callable[[], T]) -> T:
        """What ``check`` gives or raises; ``key`` says which checks are the same.

        Raises Unavailable when too many others wait. A caller that is cancelled does not take the answer from
        those who wait for the same.
        """
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= self._limit:
                raise Unavailable("Too many others are waiting for the same at this moment; try again.")
            task = asyncio.ensure_future(self._run(check))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    async def _run(self, check: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, check)

    def _ended(self, key: Hashable, task: "asyncio.Task[T]") -> None:
        del self._under_way[key]
        if not task.cancelled():
            # Asked for, so that asyncio does not complain where everybody who waited has gone.
            task.exception()

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
