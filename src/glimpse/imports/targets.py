"""Which stores an import delivers to."""

from collections.abc import Sequence
from typing import Protocol

from glimpse.errors import Conflict, Invalid
from glimpse.imports.request import ImportRequest


class KnownStore(Protocol):
    """What must be known of a store to choose it."""

    @property
    def id(self) -> str:
        """The store's identifier."""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written to it."""


def choose(
    request: ImportRequest,
    header_store: str | None,
    stores: Sequence[KnownStore],
    *,
    default: str,
    multi_store: bool,
) -> tuple[str, ...]:
    """The identifiers of the stores to deliver to, in the order asked for.

    ``header_store`` is the value of ``X-Image-Meta-Store``. With a single store everything that names stores is
    ignored. Raises Invalid where the request contradicts itself, Conflict for a store that is not there or is read-only.
    """
    if not multi_store:
        if not request.all_stores_must_succeed:
            raise Invalid("'all_stores_must_succeed' can only be false where several stores are configured.")
        return (default,)
    named = _named(request.stores)
    if request.all_stores and (named is not None or header_store):
        raise Invalid("'all_stores' cannot be combined with 'stores' or the X-Image-Meta-Store header.")
    # openstacksdk names a single store in both places.
    if named is not None and header_store and named != (header_store,):
        raise Invalid("'stores' and the X-Image-Meta-Store header name different stores.")
    writable = [store.id for store in stores if not store.read_only]
    if request.all_stores:
        return tuple(writable)
    wanted = named or ((header_store,) if header_store else (default,))
    for store in wanted:
        if store not in {known.id for known in stores}:
            raise Conflict(f"There is no store {store!r}.", hint=f"Stores here: {', '.join(writable)}.")
        if store not in writable:
            raise Conflict(
                f"Store {store!r} is read-only.", hint=f"Stores to write to: {', '.join(writable)}."
            )
    return tuple(wanted)


def _named(stores: object) -> tuple[str, ...] | None:
    """The stores that the body of a request names; None where it names none. Raises Invalid."""
    if stores is None:
        return None
    if not isinstance(stores, list) or not all(isinstance(store, str) for store in stores):
        raise Invalid("'stores' must be a list of store identifiers.")
    if not stores:
        raise Invalid("'stores' must name at least one store.")
    if len(set(stores)) != len(stores):
        raise Invalid("'stores' names a store more than once.")
    return tuple(stores)
