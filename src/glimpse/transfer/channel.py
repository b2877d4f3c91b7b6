"""A bounded queue between two threads that either side may end: all there is to cancelling a transfer."""

import threading
from collections import deque
from typing import Generic, TypeVar

from glimpse.transfer.extent import Buffer, Extent

Item = TypeVar("Item", bound=Buffer | Extent | tuple[Extent, ...])


class ChannelClosed(Exception):
    """The consumer has gone: nothing that is put will ever be read."""


class ChannelTimeout(Exception):
    """Neither an item nor room for one came within the time given."""


def weigh(item: Buffer | Extent | tuple[Extent, ...]) -> int:
    """The bytes of memory that ``item`` keeps; a zero extent keeps none."""
    if isinstance(item, tuple):
        return sum(map(weigh, item))
    data = item.data if isinstance(item, Extent) else item
    return 0 if data is None else len(data)


class Channel(Generic[Item]):
    """Holds at most ``depth`` items of together ``max_bytes`` bytes. One producer, one consumer.

    An item heavier than ``max_bytes`` is let through when the channel is empty, so that it can never block
    for ever.
    """

    def __init__(self, depth: int, max_bytes: int) -> None:
        self._depth = depth
        self._max_bytes = max_bytes
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: Item, timeout: float | None = None) -> None:
        """Append ``item`` when there is room. Raises ChannelClosed; ChannelTimeout after ``timeout`` s."""
        weight = weigh(item)
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._has_room(weight), timeout):
                raise ChannelTimeout
            if self._closed:
                raise ChannelClosed
            self._items.append(item)
            self._bytes += weight
            self._changed.notify_all()

    def get(self, timeout: float | None = None) -> Item | None:
        """The next item, None after the last. Raises what :meth:`fail` was given, or ChannelTimeout.

        A closed channel has no items: whoever reads it then gets None.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._ended or self._closed, timeout):
                raise ChannelTimeout
            if self._items:
                item = self._items.popleft()
                self._bytes -= weigh(item)
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            return None

    def end(self) -> None:
        """Say that no further item will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End with ``error``, which the consumer gets after the items that were put before."""
        with self._changed:
            self._error = error
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what is queued and wake both sides; harmless when repeated."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._bytes = 0
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def _has_room(self, weight: int) -> bool:
        if not self._items:
            return True
        return len(self._items) < self._depth and self._bytes + weight <= self._max_bytes
