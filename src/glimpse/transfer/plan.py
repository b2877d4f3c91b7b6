"""What will be done with an image's bytes, worked out before any of them moves and kept as plain data.

A plan is a list of elements. The first is the source; the bytes then pass through the others in order, and
what comes out at the end is inspected, hashed and delivered. Some elements leave a *file* in staging: a spool,
a conversion to anything but raw, and a third-party plugin. They cut the plan into *segments*, each of which
ends in a file or, the last, in the stores; a segment whose file is there is never run again. The planner puts
a spool only where the next element needs a file and the previous one gives a stream. Examples (``→`` separates
elements, ``‖`` segments):

========================= ============== ===========================================================
source                    asked for      plan
========================= ============== ===========================================================
staged, digests known     –              staged, *adopt*: a store takes the file as it is
staged, digests known     unpack         staged, *adopt* (somebody has looked: it is not packed)
staged, digests not known –              staged
staged, gzip              unpack         staged → unpack
staged, qcow2             raw            staged → convert(qcow2, raw): a file can seek
staged, qcow2 in gzip     unpack, raw    staged → unpack → spool ‖ convert(qcow2, raw)
staged, raw               qcow2          staged → convert(raw, qcow2) ‖ the file
web                       –              web
web, declared raw         unpack, raw    web → unpack: nothing touches the disk
web, declared qcow2       raw            web → spool ‖ convert(qcow2, raw)
web, declared qcow2       unpack, raw    web → unpack → spool ‖ convert(qcow2, raw)
object of another store   –              object
staged                    plugin         staged → plugin ‖ the file
web, declared qcow2       unpack,        web → unpack → spool ‖ plugin ‖
                          plugin, raw    convert(qcow2, raw)
web, declared qcow2       raw, plugin    web → spool ‖ convert(qcow2, raw) → spool ‖ plugin ‖ the file
========================= ============== ===========================================================

Whether a stream is packed is known beforehand only for what was staged; else that is found by magic when the
first bytes are there, and a stream that is not packed passes unchanged.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from glimpse.errors import GlimpseError, Invalid

# 2: segments, plugins, conversion to other formats than raw. A plan is only ever read to go on with an import
# that a conductor has begun; one of another version is thrown away and made anew from what was declared, which
# loses at most a spool.
VERSION = 2


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes come from: ``staged`` (a file on this host), ``web``, ``object`` (in a store), …"""

    kind: str


@dataclass(frozen=True, slots=True)
class Unpack:
    """Unpack, layer by layer, what its first bytes say is packed."""


@dataclass(frozen=True, slots=True)
class Spool:
    """Write the bytes into a file in staging, so that what follows can seek."""


@dataclass(frozen=True, slots=True)
class Convert:
    """From one disk format to another; needs a file. Raw comes out as extents, anything else as a file."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Plugin:
    """Run the third-party import plugin ``name``; needs a file and gives one."""

    name: str


Element: TypeAlias = Source | Unpack | Spool | Convert | Plugin


@dataclass(frozen=True, slots=True)
class Segment:
    """Elements from one file (or the source) to the next file or the stores."""

    elements: tuple[Element, ...]

    @property
    def source(self) -> Source | None:
        """The plan's source, in the first segment."""
        return next((item for item in self.elements if isinstance(item, Source)), None)

    @property
    def unpack(self) -> Unpack | None:
        """The unpacking, if there is one."""
        return next((item for item in self.elements if isinstance(item, Unpack)), None)

    @property
    def convert(self) -> Convert | None:
        """The conversion, if there is one."""
        return next((item for item in self.elements if isinstance(item, Convert)), None)

    @property
    def plugin(self) -> Plugin | None:
        """The third-party plugin, if that is what the segment is."""
        return next((item for item in self.elements if isinstance(item, Plugin)), None)

    @property
    def spools(self) -> bool:
        """Whether it ends in a spool."""
        return bool(self.elements) and isinstance(self.elements[-1], Spool)


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
    def segments(self) -> tuple[Segment, ...]:
        """The plan in pieces: all but the last end in a file; the last, which may be empty, in the stores."""
        found: list[list[Element]] = [[]]
        for element in self.elements:
            found[-1].append(element)
            if _gives_file(element):
                found.append([])
        return tuple(Segment(tuple(elements)) for elements in found)

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

    ``file``: the source is a seekable file on this host. ``packed``: False where somebody has looked and the
    bytes are not. ``digests``: those of the source's bytes, where they are known; ``algorithms``: those that
    the image needs.
    """

    def __init__(
        self,
        kind: str,
        *,
        file: bool = False,
        packed: bool = True,
        digests: Mapping[str, str] | None = None,
        algorithms: Collection[str] = (),
    ) -> None:
        self._elements: list[Element] = [Source(kind)]
        self._file = file
        self._seekable = file
        self._packed = packed
        self._digests = dict(digests or {})
        self._algorithms = frozenset(algorithms)

    @classmethod
    def after(cls, done: Iterable[Element]) -> "Planner":
        """A planner that goes on behind elements that end in a file, of which nothing is known."""
        elements = list(done)
        planner = cls(cast(Source, elements[0]).kind, file=True)
        planner._elements = elements
        return planner

    def unpack(self) -> None:
        """Unpack what is packed. Raises Invalid after a conversion, whose result is never packed."""
        if any(isinstance(element, Convert) for element in self._elements):
            raise Invalid("Decompression must stand before conversion.")
        if self._packed:
            self._add(Unpack())
            self._packed = False

    def convert(self, source: str, target: str) -> None:
        """Deliver ``target`` rather than ``source``; nothing to do where they are the same."""
        if source != target:
            self._need_file()
            self._add(Convert(source, target))

    def plugin(self, name: str) -> None:
        """Let a third-party plugin have the bytes as a file. Nobody knows what they are afterwards."""
        self._need_file()
        self._add(Plugin(name))
        self._packed = True

    def plan(self) -> Plan:
        """The plan for what was asked for so far."""
        known = bool(self._digests) and self._algorithms <= self._digests.keys()
        unchanged = self._file and len(self._elements) == 1
        adopt = unchanged and known
        return Plan(tuple(self._elements), adopt, self._digests if adopt else {})

    def _need_file(self) -> None:
        if not self._seekable:
            self._add(Spool())

    def _add(self, element: Element) -> None:
        self._elements.append(element)
        self._seekable = _gives_file(element)


def _gives_file(element: Element) -> bool:
    """Whether there is a file in staging behind this element."""
    return isinstance(element, Spool | Plugin) or (isinstance(element, Convert) and element.target != "raw")


def _element_to_dict(element: Element) -> dict[str, str]:
    if isinstance(element, Source):
        return {"element": "source", "kind": element.kind}
    if isinstance(element, Unpack):
        return {"element": "unpack"}
    if isinstance(element, Convert):
        return {"element": "convert", "from": element.source, "to": element.target}
    if isinstance(element, Plugin):
        return {"element": "plugin", "name": element.name}
    return {"element": "spool"}


def _element_from_dict(data: Mapping[str, str]) -> Element:
    kind = data["element"]
    if kind == "source":
        return Source(data["kind"])
    if kind == "unpack":
        return Unpack()
    if kind == "convert":
        return Convert(data["from"], data["to"])
    if kind == "plugin":
        return Plugin(data["name"])
    if kind == "spool":
        return Spool()
    raise ValueError(f"unknown element {kind!r}")
