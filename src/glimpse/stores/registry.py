"""The stores of a running service: made from the configuration, found by identifier."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from glimpse.errors import GlimpseError
from glimpse.stores.base import Exclusive, Store
from glimpse.stores.errors import BadStoreOption, UnknownStore
from glimpse.stores.file import FileStore
from glimpse.stores.http import HttpStore
from glimpse.stores.memory import MemoryStore


class Driver(Protocol):
    """What makes a store out of its configuration. Raises Invalid."""

    def __call__(self, id: str, options: Mapping[str, object], *, description: str, weight: int) -> Store: ...


class StoreSettings(Protocol):
    """One store as configured (``glimpse.config`` has these)."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def weight(self) -> int: ...
    @property
    def options(self) -> Mapping[str, object]: ...


# A new driver is one file and one line here.
DRIVERS: Mapping[str, Driver] = {
    "file": FileStore,
    "http": HttpStore,
    "memory": MemoryStore,
}


def build(settings: StoreSettings, drivers: Mapping[str, Driver] = DRIVERS) -> Store:
    """Make one store. Raises BadStoreOption for a type that no driver has, Invalid for options that cannot
    work.
    """
    try:
        driver = drivers[settings.type]
    except KeyError:
        raise BadStoreOption(
            f"Store {settings.id!r} is of the unknown type {settings.type!r}.",
            hint=f"Types here: {', '.join(sorted(drivers))}.",
        ) from None
    return driver(settings.id, settings.options, description=settings.description, weight=settings.weight)


class Stores:
    """All stores, those of the highest weight first (equal ones in the order configured), and the default
    one.
    """

    def __init__(self, stores: Iterable[Store], default: str) -> None:
        self.all: tuple[Store, ...] = tuple(sorted(stores, key=lambda store: -store.weight))
        self._by_id = {store.id: store for store in self.all}
        if len(self._by_id) < len(self.all):
            raise BadStoreOption("Two stores have the same identifier.")
        if default not in self._by_id:
            raise BadStoreOption(
                f"The default store {default!r} is not configured.", hint=f"Stores: {', '.join(self._by_id)}."
            )
        self.default_id = default

    @classmethod
    def from_settings(cls, settings: Iterable[StoreSettings], default: str) -> "Stores":
        """Make every configured store; raises Invalid for the first that cannot be made."""
        return cls([build(each) for each in settings], default)

    @property
    def default(self) -> Store:
        """Where an image goes that names no store."""
        return self._by_id[self.default_id]

    def get(self, id: str) -> Store:
        """The store with this identifier, as locations name it. Raises UnknownStore."""
        try:
            return self._by_id[id]
        except KeyError:
            raise UnknownStore(
                f"There is no store {id!r}.", hint=f"Stores here: {', '.join(self._by_id)}."
            ) from None

    def __iter__(self) -> Iterator[Store]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def check(self) -> None:
        """Check every store, and that no two share a place; one error that names all that is wrong."""
        wrong = [message for store in self.all for message in _complaint(store.check)]
        owners: dict[str, str] = {}
        for store in self.all:
            for place in store.places if isinstance(store, Exclusive) else ():
                owner = owners.setdefault(place, store.id)
                if owner != store.id:
                    wrong.append(f"Stores {owner!r} and {store.id!r} share {place}.")
        if wrong:
            raise BadStoreOption(" ".join(wrong))


def _complaint(check: Callable[[], None]) -> list[str]:
    try:
        check()
    except GlimpseError as error:
        return [error.message]
    return []
