"""One bound for the bytes that all transfers of an api process hold in memory."""

import asyncio
import heapq
from collections import deque
from typing import Protocol

# Holders asked at a time to pass on what they hold back. Measured: 20 µs each for the event loop, and 100 µs
# to find the largest of 2,000, so that a round takes half a millisecond and the search is not the most of it.
ROUND = 16


class Holder(Protocol):
    """A transfer that holds bytes back until they are worth a thread's time."""

    @property
    def idle_bytes(self) -> int:
        """How many bytes it holds back."""

    def flush(self) -> None:
        """Pass them on now. Does not wait."""


class ByteBudget:
    """At most about ``total`` bytes are held at a time, by whomever; used from one event loop only.

    Bytes are *idle* (held back by a :class:`Holder`) or on their way. Idle ones can always be set going and
    those on their way arrive, so whoever waits here gets its turn: there is no deadlock however many hold a
    little. First come, first served.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.held = 0
        self._idle = 0
        self._moving = 0
        self._holders: set[Holder] = set()
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def join(self, holder: Holder) -> None:
        """Make known who may be asked to pass bytes on."""
        self._holders.add(holder)

    def leave(self, holder: Holder) -> None:
        """Forget a holder; it must hold nothing any more."""
        self._holders.discard(holder)

    async def room(self) -> None:
        """Wait until bytes may be taken in whose number is not known before they have come; then :meth:`add`
        them.
        """
        await self.take(0)

    async def take(self, amount: int) -> None:
        """Wait for ``amount`` bytes and take them. More than the whole is let through when nobody holds
        any.
        """
        if self.take_now(amount):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        self._press()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(amount)
            else:
                self._waiting = deque(entry for entry in self._waiting if entry[1] is not turn)
                self._admit()
            raise

    def take_now(self, amount: int) -> bool:
        """Take the bytes if that is possible without waiting."""
        if self._waiting or not self._fits(amount):
            return False
        self.held += amount
        return True

    def add(self, amount: int) -> None:
        """Count bytes that have come and that a holder holds back."""
        self.held += amount
        self._idle += amount

    def moved(self, amount: int) -> None:
        """Count bytes that are not held back any more, but on their way; :meth:`done` says when they are
        gone.
        """
        self._idle -= amount
        self._moving += amount

    def done(self, amount: int) -> None:
        """Return bytes that were added and moved, and are gone now: written or dropped."""
        self._moving -= amount
        self.give(amount)

    def give(self, amount: int) -> None:
        """Return bytes that were taken."""
        self.held -= amount
        self._admit()
        if self._waiting:
            self._press()

    def _fits(self, amount: int) -> bool:
        return self.held == 0 or self.held + max(amount, 1) <= self.total

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            amount, turn = self._waiting.popleft()
            if not turn.done():
                self.held += amount
                turn.set_result(None)

    def _press(self) -> None:
        """Set idle bytes going, those of the largest holders first, unless what is on its way is enough."""
        missing = self.held + max(self._waiting[0][0], 1) - self.total
        if self._idle == 0 or self._moving >= missing:
            return
        for holder in heapq.nlargest(ROUND, self._holders, key=lambda holder: holder.idle_bytes):
            if holder.idle_bytes:
                holder.flush()
