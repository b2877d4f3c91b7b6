"""What will be done with an image's bytes, worked out before any of them moves and kept as plain data.

A plan is a list of elements. The first is the source; the bytes then pass through the others in order, and
what comes out at the end is inspected, hashed and delivered. The planner puts a spool only where the next
element must seek and the previous one cannot. Examples (``→`` separates elements):

========================= ============== ===========================================================
source                    asked for      plan
========================= ============== ===========================================================
staged, digests known     –              staged, *adopt*: a store takes the file as it is
staged, digests known     decompress     staged, *adopt* (somebody has looked: it is not compressed)
staged, digests not known –              staged
staged, gzip              decompress     staged → decompress(gzip)
staged, qcow2             convert        staged → convert(qcow2, raw): a file can seek
staged, qcow2 in gzip     both           staged → decompress(gzip) → spool → convert(qcow2, raw)
web                       –              web
web, declared raw         both           web → decompress(by magic): nothing touches the disk
web, declared qcow2       convert        web → spool → convert(qcow2, raw)
web, declared qcow2       both           web → decompress(by magic) → spool → convert(qcow2, raw)
object of another store   –              object
web                       a file         web → spool
========================= ============== ===========================================================

Whether a stream is compressed is known beforehand only for what was staged; else the decompressor is chosen
by magic when the first bytes are there, and a stream that is not compressed passes it unchanged.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from glimpse.errors import GlimpseError, Invalid

VERSION = 1
# A decompressor's place in the plan before anybody has seen the bytes.
BY_MAGIC = "magic"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes come from: ``staged`` (a file on this host), ``web``, ``object`` (in a store), …"""

    kind: str


@dataclass(frozen=True, slots=True)
class Decompress:
    """Unpack with the decompressor ``name``, or with the one that the first bytes ask for."""

    name: str = BY_MAGIC


@dataclass(frozen=True, slots=True)
class Spool:
    """Write the bytes into a file in staging, so that what follows can seek."""


@dataclass(frozen=True, slots=True)
class Convert:
    """From one disk format to another; needs something that seeks."""

    source: str
    target: str


Element: TypeAlias = Source | Decompress | Spool | Convert


@dataclass(frozen=True, slots=True)
class Plan:
    """The ``elements`` in order. ``adopt``: the source is a local file that is the image already.

    ``digests`` (hex by algorithm) are the adopted file's; empty wherever they are computed while bytes pass.
    """

    elements: tuple[Element, ...]
    adopt: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """The first element."""
        return cast(Source, self.elements[0])

    @property
    def decompress(self) -> Decompress | None:
        """The decompressor, if there is one."""
        return next((item for item in self.elements if isinstance(item, Decompress)), None)

    @property
    def spools(self) -> bool:
        """Whether a spool is written."""
        return any(isinstance(item, Spool) for item in self.elements)

    @property
    def convert(self) -> Convert | None:
        """The conversion, if there is one."""
        return next((item for item in self.elements if isinstance(item, Convert)), None)

    def to_dict(self) -> dict[str, object]:
        """As plain data that JSON can hold."""
        return {
            "version": VERSION,
            "elements": [_element_to_dict(element) for element in self.elements],
            "adopt": self.adopt,
            "digests": dict(self.digests),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "Plan":
        """The plan that :meth:`to_dict` gave. Raises GlimpseError for anything else."""
        try:
            if data["version"] != VERSION:
                raise GlimpseError(f"A plan of version {data['version']!r} cannot be run here.")
            elements = tuple(
                _element_from_dict(item) for item in cast("list[Mapping[str, str]]", data["elements"])
            )
            if not elements or not isinstance(elements[0], Source):
                raise GlimpseError("A plan must begin with its source.")
            return cls(elements, data["adopt"] is True, dict(cast("Mapping[str, str]", data["digests"])))
        except (KeyError, TypeError, ValueError) as error:
            raise GlimpseError(f"This is not a plan: {error!r}.") from error


class Planner:
    """Collects what is asked for, in order, and works out the plan.

    ``file``: the source is a seekable file on this host. ``wrapper``: how it is compressed, None for not at
    all, where somebody has looked (:data:`BY_MAGIC` otherwise). ``digests``: those of the source's bytes, where
    they are known; ``algorithms``: those that the image needs.
    """

    def __init__(
        self,
        kind: str,
        *,
        file: bool = False,
        wrapper: str | None = BY_MAGIC,
        digests: Mapping[str, str] | None = None,
        algorithms: Collection[str] = (),
    ) -> None:
        self._elements: list[Element] = [Source(kind)]
        self._file = file
        self._seekable = file
        self._wrapper = wrapper
        self._digests = dict(digests or {})
        self._algorithms = frozenset(algorithms)

    def decompress(self) -> None:
        """Unpack what is packed. Raises Invalid after a conversion, whose result is never packed."""
        if any(isinstance(element, Convert) for element in self._elements):
            raise Invalid("Decompression must stand before conversion.")
        if self._wrapper is not None:
            self._add(Decompress(self._wrapper), seekable=False)
            self._wrapper = None

    def convert(self, source: str, target: str) -> None:
        """Deliver ``target`` rather than ``source``; nothing to do where they are the same."""
        if source != target:
            self.need_file()
            self._add(Convert(source, target), seekable=False)

    def need_file(self) -> None:
        """What follows needs to seek."""
        if not self._seekable:
            self._add(Spool(), seekable=True)

    def plan(self) -> Plan:
        """The plan for what was asked for so far."""
        known = bool(self._digests) and self._algorithms <= self._digests.keys()
        unchanged = self._file and len(self._elements) == 1
        adopt = unchanged and known
        return Plan(tuple(self._elements), adopt, self._digests if adopt else {})

    def _add(self, element: Element, *, seekable: bool) -> None:
        self._elements.append(element)
        self._seekable = seekable


def _element_to_dict(element: Element) -> dict[str, str]:
    if isinstance(element, Source):
        return {"element": "source", "kind": element.kind}
    if isinstance(element, Decompress):
        return {"element": "decompress", "name": element.name}
    if isinstance(element, Convert):
        return {"element": "convert", "from": element.source, "to": element.target}
    return {"element": "spool"}


def _element_from_dict(data: Mapping[str, str]) -> Element:
    kind = data["element"]
    if kind == "source":
        return Source(data["kind"])
    if kind == "decompress":
        return Decompress(data["name"])
    if kind == "convert":
        return Convert(data["from"], data["to"])
    if kind == "spool":
        return Spool()
    raise ValueError(f"unknown element {kind!r}")
