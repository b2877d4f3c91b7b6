"""What one owner of images may have in all, and what each request asks of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from glimpse.catalog.admission import Admission
from glimpse.catalog.ledger import Ledger
from glimpse.errors import TooLarge

MIB = 1 << 20
# The limits that Keystone may have for this service, by the names that operators of Glance know, and what each is a
# number of: of these bytes, or of images.
UNITS: Mapping[str, int] = {
    "image_size_total": MIB,
    "image_stage_total": MIB,
    "image_count_total": 1,
    "image_count_uploading": 1,
}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that an owner may have of one thing: ``limit`` times ``unit``, begun ones not counted.

    ``resource`` is the name of the limit as operators know it; ``unit`` is in bytes, or 1 of what is counted. Plain
    data: the ceiling of an import is kept in its journal.
    """

    resource: str
    limit: int
    unit: int = 1

    def left(self, used: int) -> int:
        """How much more there may be."""
        return (self.limit + 1) * self.unit - 1 - used

    def check(self, used: int, more: int) -> None:
        """Raise TooLarge unless there may be so much more."""
        if more > self.left(used):
            unit = " MiB" if self.unit == MIB else ""
            raise TooLarge(
                f"This project may have {self.limit}{unit} of {self.resource}; it has {used // self.unit}{unit},"
                f" and this asks for {_rounded_up(more, self.unit)}{unit} more.",
                hint="Delete images or wait for running uploads and imports to end, or ask the operator for more.",
            )

    def explain(self, error: TooLarge) -> None:
        """Say why there may be no more bytes where a number is all that whoever counted them knew."""
        error.hint = error.hint or f"That is what is left to this project of {self.resource}."

    def room(self, used: int) -> int:
        """What is left, of which there is something. Raises TooLarge."""
        self.check(used, 1)
        return self.left(used)


def _rounded_up(number: int, unit: int) -> int:
    return -(-number // unit)


class Intake:
    """One upload against a quota.

    Where its length is known it is granted that when it begins. Where not, it gets no further than what was left then,
    and is judged at its end: several of them may run at once, and those that find room when they end are taken.
    """

    def __init__(
        self,
        quota: "Quota",
        ceiling: Ceiling | None,
        used: Callable[[Ledger], int],
        expected: int | None,
        longest: int,
    ) -> None:
        self._quota = quota
        self._ceiling = ceiling
        self._used = used
        self._expected = expected
        self._longest = longest
        # The most bytes that may come, as soon as it was admitted.
        self.most = longest

    @contextmanager
    def coming(self) -> Iterator[None]:
        """While the bytes come: where it is the quota that bounds them, TooLarge says so."""
        try:
            yield
        except TooLarge as error:
            if self._ceiling is not None and self.most < self._longest:
                self._ceiling.explain(error)
            raise

    @property
    def beginning(self) -> Admission | None:
        """What admits it; None where nothing is limited."""
        if self._ceiling is None and self._quota.uploading is None:
            return None
        return Admission(self._quota.owner, self._begins)

    def end(self, length: int) -> Admission | None:
        """What takes it, now that so many bytes have come; None where they were granted before."""
        ceiling = self._ceiling
        if ceiling is None or self._expected is not None:
            return None
        return Admission(self._quota.owner, lambda ledger: ceiling.check(self._used(ledger), length))

    def _begins(self, ledger: Ledger) -> int | None:
        if self._quota.uploading is not None:
            self._quota.uploading.check(ledger.uploading(), 1)
        if self._ceiling is None:
            return None
        if self._expected is None:
            self.most = min(self.most, self._ceiling.room(self._used(ledger)))
        else:
            self._ceiling.check(self._used(ledger), self._expected)
        return self._expected


@dataclass(frozen=True, slots=True)
class Quota:
    """The ceilings of one owner; None: no limit.

    ``stored`` and ``staged`` are about bytes, ``images`` and ``uploading`` about numbers of images. ``of_keystone``
    says where they come from, since not everything is asked of both.
    """

    owner: str | None = None
    stored: Ceiling | None = None
    staged: Ceiling | None = None
    images: Ceiling | None = None
    uploading: Ceiling | None = None
    of_keystone: bool = False

    def creation(self) -> Admission | None:
        """One image more."""
        images = self.images
        if images is None:
            return None
        return Admission(self.owner, lambda ledger: images.check(ledger.images(), 1))

    def file(self, expected: int | None, longest: int) -> Intake:
        """An upload into a store, of ``expected`` bytes (None: unknown) and no more than ``longest``."""
        return Intake(self, self.stored, lambda ledger: ledger.stored(), expected, longest)

    def stage(self, expected: int | None, longest: int) -> Intake:
        """The same to staging."""
        return Intake(self, self.staged, lambda ledger: ledger.staged(), expected, longest)

    def importing(self, size: int | None, *, staged: bool, new: bool = False) -> Admission | None:
        """An import of an image of this size; of what is ``staged``, or from elsewhere. ``new``: its image is made
        with it.

        A limit of this service's own is asked about when the bytes are known, which may be more or fewer.
        """
        if not self.of_keystone:
            return None

        def judge(ledger: Ledger) -> int | None:
            if new and self.images is not None:
                self.images.check(ledger.images(), 1)
            if self.stored is not None:
                self.stored.check(ledger.stored(), (size or 0) if staged else 0)
            if staged:
                return size
            if self.staged is not None:
                self.staged.check(ledger.staged(), size or 0)
            if self.uploading is not None:
                self.uploading.check(ledger.uploading(), 1)
            return None

        return Admission(self.owner, judge)

    def named(self) -> Admission | None:
        """Data that lies somewhere already has become an image's. Keystone's limits are not asked about that."""
        stored = self.named_ceiling
        return None if stored is None else Admission(self.owner, lambda of: stored.check(of.stored(), 0))

    @property
    def named_ceiling(self) -> Ceiling | None:
        """The ceiling for such data."""
        return None if self.of_keystone else self.stored


UNLIMITED = Quota()
