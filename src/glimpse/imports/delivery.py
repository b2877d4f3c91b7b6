"""What is delivered: where the bytes of the image come from in the last pass, and what becomes known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from glimpse.errors import GlimpseError
from glimpse.imports.inspection import Inspection, check_file
from glimpse.imports.pipeline import flow
from glimpse.imports.planning import CHECKSUM
from glimpse.imports.run import Declared, ImportRun
from glimpse.imports.segments import bring
from glimpse.stores.base import Adopts, Store
from glimpse.transfer.disk.inspect import Finding
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import Writer
from glimpse.transfer.sources.file import FileSource
from glimpse.transfer.sources.object import ObjectSource
from glimpse.transfer.zeros import extents, refine


class DifferentBytes(GlimpseError):
    """What came now is not what was delivered to the first store."""

    code = "different-bytes"
    retryable = True


@dataclass(frozen=True, slots=True)
class Cargo:
    """The bytes of the image for the stores that still wait for them.

    ``size`` in bytes and ``data``, the number of them that are not zeros, are None where nobody knows yet. ``digests``
    are those that need not be computed again, ``expected`` those that must come out. ``file`` is set when a file on
    this host is the image as it is, so that one store may adopt it.
    """

    extents: Callable[[], Iterator[Extent]]
    size: int | None
    data: int | None = None
    virtual_size: int | None = None
    inspection: Inspection | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    def adopt(self, store: Store, run: ImportRun) -> Writer | None:
        """A writer that makes the file the store's own, where the store can."""
        if self.file is None or not isinstance(store, Adopts):
            return None
        return store.adopt(self.file, run.image_id, run.claim)

    def verify(self, digests: Mapping[str, str]) -> None:
        """Raise DifferentBytes unless the digests are those expected."""
        for name, value in self.expected.items():
            if digests.get(name) != value:
                raise DifferentBytes(
                    f"The {name} of the data is {digests.get(name)}, not {value} as delivered before."
                )


def cargo(run: ImportRun, stack: ExitStack) -> Cargo:
    """Where the bytes come from: a store that has them already, a file as it is, or the plan's last segment."""
    if run.delivered is not None:
        return _from_store(run, stack, *run.delivered)
    segments = run.plan.segments
    last = segments[-1]
    file = bring(run, len(segments) - 1)
    if file is not None and last.unpack is None and last.convert is None:
        return _whole(run, stack, file)
    moving = flow(run, stack, last, file)
    return Cargo(
        lambda: moving.extents,
        moving.size,
        data=None if last.convert is None or file is None else min(moving.size or 0, allocated(file)),
        virtual_size=moving.virtual_size,
        inspection=None if last.convert is not None else Inspection(run),
    )


def _from_store(run: ImportRun, stack: ExitStack, store: str, url: str) -> Cargo:
    delivered = cast("Mapping[str, object]", run.state["delivered"])
    source = ObjectSource(run.resources.stores.get(store).reader(url))
    stack.callback(source.close)
    expected = {
        CHECKSUM: str(delivered["checksum"]),
        str(delivered["os_hash_algo"]): str(delivered["os_hash_value"]),
    }
    return Cargo(lambda: extents(source.chunks()), source.size, expected=expected)


def _whole(run: ImportRun, stack: ExitStack, path: Path) -> Cargo:
    finding = check_file(path, run)

    def moving() -> Iterator[Extent]:
        source = FileSource(path)
        stack.callback(source.close)
        return refine(source.extents())

    return Cargo(
        moving,
        path.stat().st_size,
        data=allocated(path),
        virtual_size=finding.virtual_size,
        digests=run.plan.digests if run.plan.adopt else {},
        file=path,
    )


def allocated(path: Path) -> int:
    """The bytes that the file takes on its disk, holes not counted."""
    return path.stat().st_blocks * 512


def facts(
    run: ImportRun, load: Cargo, size: int, digests: Mapping[str, str], finding: Finding | None
) -> dict[str, object]:
    """The attributes that the image will have: those of what is in the stores now."""
    known = cast("Mapping[str, object] | None", run.state.get("delivered"))
    if run.delivered is not None and known is not None:
        return dict(known)
    algorithm = run.resources.settings.default.hashing_algorithm
    convert = run.plan.segments[-1].convert
    formats = run.declared if convert is None else Declared(convert.target, "bare")
    found = finding.virtual_size if finding is not None else load.virtual_size
    return {
        "size": size,
        # Of formats that nobody can look into, a plugin may have known it.
        "virtual_size": found if found is not None else run.state.get("virtual_size"),
        "checksum": digests[CHECKSUM],
        "os_hash_algo": algorithm,
        "os_hash_value": digests[algorithm],
        "disk_format": formats.disk_format,
        "container_format": formats.container_format,
    }
