"""What can go wrong in a store, beyond the kinds of :mod:`glimpse.errors`."""

from glimpse.errors import Invalid, NoSpace, NotFound, Unavailable


class StoreFull(NoSpace):
    """There is no room for the object."""

    code = "store-full"


class StoreDenied(Unavailable):
    """The store exists but this service may not use it as it must: the operator has to act."""

    code = "store-denied"
    retryable = False


class ObjectGone(NotFound):
    """The location names an object that is not in its store."""

    code = "object-gone"


class WrongSize(Invalid):
    """Another number of bytes came than was promised."""

    code = "wrong-size"

    def __init__(self, promised: int, received: int) -> None:
        super().__init__(f"{promised} bytes were promised, but {received} came.")
        self.promised = promised
        self.received = received


class BadStoreOption(Invalid):
    """A store's configuration cannot work."""

    code = "bad-store-option"


class UnknownStore(Invalid):
    """No store of this name is configured."""

    code = "unknown-store"
