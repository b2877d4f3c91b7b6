"""The simplest correct store: everything in this process's memory. For tests, and to read before writing a
driver.
"""

import threading
from collections.abc import Collection, Mapping

from glimpse.errors import Conflict
from glimpse.stores.errors import ObjectGone, StoreFull, WrongSize
from glimpse.transfer.extent import Extent


class MemoryStore:
    """Objects in a dictionary. ``memory_store_capacity`` (bytes) bounds what all of them may hold
    together.
    """

    type = "memory"
    read_only = False

    def __init__(
        self, id: str, options: Mapping[str, object] | None = None, *, description: str = "", weight: int = 0
    ) -> None:
        self.id = id
        self.description = description
        self.weight = weight
        capacity = (options or {}).get("memory_store_capacity")
        self._capacity = int(str(capacity)) if capacity is not None else None
        self._lock = threading.Lock()
        self._objects: dict[str, MemoryWriter] = {}
        self._parts: set[MemoryWriter] = set()

    def check(self) -> None:
        """Memory is always there."""

    def writer(
        self, image_id: str, claim: int, size: int | None, *, data: int | None = None
    ) -> "MemoryWriter":
        """Begin an object. Raises NoSpace."""
        self.reserve(data if data is not None else size or 0)
        writer = MemoryWriter(self, image_id, claim, size)
        with self._lock:
            self._parts.add(writer)
        return writer

    def reader(self, url: str) -> "MemoryReader":
        """Open a committed object. Raises NotFound."""
        with self._lock:
            try:
                return MemoryReader(bytes(self._objects[url].content))
            except KeyError:
                raise ObjectGone(f"Store {self.id!r} has no object {url}.") from None

    def delete(self, url: str) -> None:
        """Remove a committed object; one that is not there is no error."""
        with self._lock:
            self._objects.pop(url, None)

    def sweep(self, image_id: str, keep: Collection[str], *, claim: int | None = None) -> None:
        """Remove this image's objects and parts that are neither kept nor of a higher claim."""
        with self._lock:
            for url, writer in list(self._objects.items()):
                if writer.is_of(image_id, claim) and url not in keep:
                    del self._objects[url]
            self._parts = {part for part in self._parts if not part.is_of(image_id, claim)}

    def names(self) -> list[str]:
        """The URLs of all objects and, with ``.part``, of those being written: what a test looks for
        leftovers in.
        """
        with self._lock:
            return [*self._objects, *(f"{part.image_id}.{part.claim}.part" for part in self._parts)]

    def parts(self) -> "list[MemoryWriter]":
        """The objects being written."""
        with self._lock:
            return list(self._parts)

    def reserve(self, more: int) -> None:
        """Raise NoSpace when ``more`` bytes do not fit."""
        if self._capacity is None:
            return
        with self._lock:
            used = sum(len(writer.content) for writer in [*self._objects.values(), *self._parts])
        if used + more > self._capacity:
            raise StoreFull(
                f"Store {self.id!r} is full: {more} bytes are needed, {self._capacity - used} are free."
            )

    def publish(self, writer: "MemoryWriter") -> str:
        """Give a finished object the first free of its two names; its URL."""
        plain = f"memory://{self.id}/{writer.image_id}"
        with self._lock:
            for url in (plain, f"{plain}.{writer.claim}"):
                if url not in self._objects:
                    self._objects[url] = writer
                    self._parts.discard(writer)
                    return url
        raise Conflict(f"Store {self.id!r} has already an object of image {writer.image_id}.")

    def forget(self, writer: "MemoryWriter") -> None:
        """Remove an object, committed or not."""
        with self._lock:
            self._parts.discard(writer)
            self._objects = {url: other for url, other in self._objects.items() if other is not writer}


class MemoryWriter:
    """An object of a memory store."""

    def __init__(self, store: MemoryStore, image_id: str, claim: int, size: int | None) -> None:
        self.image_id = image_id
        self.claim = claim
        self.content = bytearray()
        self._store = store
        self._size = size

    def write(self, extent: Extent) -> None:
        """Take the next extent. Raises NoSpace."""
        self._store.reserve(extent.length)
        self.content += bytes(extent.length) if extent.data is None else extent.data

    def commit(self) -> str:
        """Make the object visible; its URL."""
        if self._size is not None and self._size != len(self.content):
            raise WrongSize(self._size, len(self.content))
        return self._store.publish(self)

    def abort(self) -> None:
        """Remove the object, committed or not."""
        self._store.forget(self)

    def is_of(self, image_id: str, claim: int | None) -> bool:
        """Whether this is the image's, and not of a higher claim than ``claim``."""
        return self.image_id == image_id and (claim is None or self.claim <= claim)


class MemoryReader:
    """A committed object, as it was when it was opened."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._content)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes at ``offset``, fewer only at the end."""
        return self._content[offset : offset + length]

    def close(self) -> None:
        """Nothing to release."""
