"""What is delivered: where the bytes of the image come from in the last pass, and what becomes known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from glimpse.errors import GlimpseError
from glimpse.imports.inspection import Inspection, check_file, rules
from glimpse.imports.methods.glance_direct import GlanceDirect
from glimpse.imports.pipeline import image_extents
from glimpse.imports.planning import CHECKSUM
from glimpse.imports.progress import counted_extents
from glimpse.imports.run import ImportRun
from glimpse.imports.steps.acquire import spooled
from glimpse.stores.base import Adopts, Store
from glimpse.transfer.disk.convert import ConvertLimits, convert_to_raw
from glimpse.transfer.disk.inspect import Finding
from glimpse.transfer.extent import Extent
from glimpse.transfer.plan import Convert, Source
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
    """Where the bytes come from: a store that has them already, a staged file as it is, a conversion, or the source."""
    committed = next((target for target in run.record.targets if target.state == "committed"), None)
    if committed is not None:
        return _from_store(run, stack, committed.store, str(committed.url))
    if run.plan.convert is not None:
        return _converted(run, stack, run.plan.convert)
    if run.plan.elements == (Source("staged"),):
        return _staged(run, stack)
    flow, size = image_extents(run, stack)
    return Cargo(lambda: flow, size, inspection=Inspection(run))


def _from_store(run: ImportRun, stack: ExitStack, store: str, url: str) -> Cargo:
    delivered = cast("Mapping[str, object]", run.state["delivered"])
    source = ObjectSource(run.resources.stores.get(store).reader(url))
    stack.callback(source.close)
    expected = {
        CHECKSUM: str(delivered["checksum"]),
        str(delivered["os_hash_algo"]): str(delivered["os_hash_value"]),
    }
    return Cargo(
        lambda: extents(source.chunks()),
        source.size,
        virtual_size=cast("int | None", delivered["virtual_size"]),
        expected=expected,
    )


def _staged(run: ImportRun, stack: ExitStack) -> Cargo:
    path = _staged_path(run)
    finding = check_file(path, run)

    def flow() -> Iterator[Extent]:
        source = FileSource(path)
        stack.callback(source.close)
        return refine(source.extents())

    return Cargo(
        flow,
        path.stat().st_size,
        data=allocated(path),
        virtual_size=finding.virtual_size,
        digests=run.plan.digests if run.plan.adopt else {},
        file=path,
    )


def _converted(run: ImportRun, stack: ExitStack, convert: Convert) -> Cargo:
    path = spooled(run) or _staged_path(run)
    settings = run.resources.settings
    check_file(path, run)
    limits = ConvertLimits(
        max_virtual_size=settings.default.image_size_cap,
        max_sparse_bytes=settings.image_conversion.max_sparse_bytes,
    )
    view = stack.enter_context(
        convert_to_raw(path, convert.source, limits=limits, stop=run.stop, rules=rules(settings))
    )
    return Cargo(
        lambda: refine(counted_extents(view.extents(), run.phases, "image_conversion", view.virtual_size)),
        view.virtual_size,
        data=min(view.virtual_size, allocated(path)),
        virtual_size=view.virtual_size,
    )


def _staged_path(run: ImportRun) -> Path:
    """The staged file, which is what it was when it was staged. Raises StagedDataLost."""
    with closing(GlanceDirect().open(run)) as source:
        return source.path


def allocated(path: Path) -> int:
    """The bytes that the file takes on its disk, holes not counted."""
    return path.stat().st_blocks * 512


def facts(
    run: ImportRun, load: Cargo, size: int, digests: Mapping[str, str], finding: Finding | None
) -> dict[str, object]:
    """The attributes that the image will have: those of what is in the stores now."""
    declared = run.declared
    algorithm = run.resources.settings.default.hashing_algorithm
    convert = run.plan.convert
    return {
        "size": size,
        "virtual_size": finding.virtual_size if finding is not None else load.virtual_size,
        "checksum": digests[CHECKSUM],
        "os_hash_algo": algorithm,
        "os_hash_value": digests[algorithm],
        "disk_format": convert.target if convert is not None else declared.disk_format,
        "container_format": "bare" if convert is not None else declared.container_format,
    }
