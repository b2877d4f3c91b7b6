"""The step before the last: one pass over the bytes, into every store that was asked for.

What is delivered (size, digests, formats) is written into the journal with the first location, so that a conductor
which takes over between two commits knows what the others must be equal to.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import cast

from glimpse.access import redact
from glimpse.access.signature import BadSignature
from glimpse.catalog.records import NewLocation
from glimpse.errors import ClaimLost, GlimpseError, Unavailable
from glimpse.imports.delivery import Cargo, cargo, facts
from glimpse.imports.planning import algorithms
from glimpse.imports.progress import to_store
from glimpse.imports.run import ImportRun
from glimpse.stores.base import Annotates, Store
from glimpse.transfer.localcopy import CopiesFiles, copy_into
from glimpse.transfer.protocols import Writer
from glimpse.transfer.run import deliver as run_delivery

log = logging.getLogger(__name__)


def deliver(run: ImportRun) -> None:
    """Write to every store that has not committed yet, then commit them one by one."""
    published: set[str] = set()
    if run.waiting:
        with ExitStack() as stack:
            load = cargo(run, stack)
            writers = stack.enter_context(_writers(run, load, run.waiting))
            _commit(run, writers, _fill(run, load, writers))
            published = writers.published
    if run.delivered is None and not published:
        raise _nothing_delivered(run)
    run.phases.finish_before("deliver")


def withdraw(run: ImportRun) -> None:
    """Remove this import's objects from all stores, committed or not.

    A store that cannot be reached does not keep the image from its user: what stays there has names that no later
    attempt uses, and goes when the image is deleted.
    """
    for target in run.record.targets:
        try:
            run.resources.stores.get(target.store).sweep(run.image_id, (), claim=run.claim)
        except GlimpseError as error:
            log.warning(
                "Import %s: what it wrote to store %s could not be removed: %s", run.id, target.store, error
            )


class _Writers:
    """The writers of this attempt; those that were not published are aborted at its end."""

    def __init__(self) -> None:
        self.fed: dict[str, Writer] = {}
        self.adopting: dict[str, Writer] = {}
        self.published: set[str] = set()

    def abort(self) -> None:
        for store, writer in {**self.fed, **self.adopting}.items():
            if store not in self.published:
                writer.abort()


@contextmanager
def _writers(run: ImportRun, load: Cargo, waiting: list[str]) -> Iterator[_Writers]:
    writers = _Writers()
    run.start_targets(waiting)
    try:
        for name in waiting:
            store = run.resources.stores.get(name)
            try:
                _open(run, load, store, writers)
            except ClaimLost:
                raise
            except GlimpseError as error:
                _fail_target(run, name, error)
        yield writers
    finally:
        writers.abort()


def _open(run: ImportRun, load: Cargo, store: Store, writers: _Writers) -> None:
    if load.file is not None and not writers.adopting:
        adopting = load.adopt(store, run)
        if adopting is not None:
            writers.adopting[store.id] = adopting
            return
    writers.fed[store.id] = store.writer(run.image_id, run.claim, load.size, data=load.data)


def _fill(run: ImportRun, load: Cargo, writers: _Writers) -> int:
    """Move the bytes and note what they are; their number. No object is visible yet."""
    if not writers.fed and not writers.adopting:
        raise _nothing_delivered(run)
    needed = _needed(run, load)
    size, digests, finding = load.size, load.digests, None
    copied = _copyable(load, writers) if not needed else {}
    failed = dict(_copy(run, load, copied))
    streamed = {store: writer for store, writer in writers.fed.items() if store not in copied}
    if streamed or needed:
        done = run_delivery(
            load.extents(),
            streamed,
            algorithms=needed,
            inspector=load.inspection,
            progress=run.phases,
            stop=run.stop,
            must_all=run.record.all_stores_must_succeed,
            size_cap=run.size_cap,
            total=load.size,
        )
        failed.update(done.failed)
        size, digests, finding = done.size, {**load.digests, **done.digests}, done.finding
    for store, error in failed.items():
        _fail_target(run, store, error)
        writers.fed.pop(store).abort()
    load.verify(digests)
    _verify_signature(run, digests)
    length = cast(int, size)
    stores = sum(target.state == "committed" for target in run.record.targets)
    run.reserve(length, stores + len(writers.fed) + len(writers.adopting))
    # Written with the first location, in one transaction: until there is one, nobody asks.
    run.note(delivered=facts(run, load, length, digests, finding))
    return length


def _needed(run: ImportRun, load: Cargo) -> tuple[str, ...]:
    """The digests that must be computed while the bytes pass: those of the image, and that of its signature."""
    wanted = algorithms(run.resources.settings.default.hashing_algorithm)
    if run.signature is not None and run.delivered is None:
        wanted = (*wanted, run.signature.algorithm)
    return tuple(name for name in dict.fromkeys(wanted) if name not in load.digests)


def _verify_signature(run: ImportRun, digests: Mapping[str, str]) -> None:
    """Raise BadSignature unless the image, as the stores have it, is what was signed."""
    if run.signature is None or run.delivered is not None:
        return
    try:
        run.signature.verify(digests)
    except BadSignature as error:
        changes = sorted({type(each).__name__.lower() for each in run.plan.elements[1:]} - {"spool"})
        if not changes:
            raise
        raise BadSignature(
            f"{error.message} Plugins of this service may have changed it ({', '.join(changes)}).",
            hint="Sign the image as it will be stored: not packed, and in the format that plugins convert to.",
        ) from error


def _copyable(load: Cargo, writers: _Writers) -> dict[str, CopiesFiles]:
    """The writers that can take the file from the kernel."""
    if load.file is None:
        return {}
    return {store: writer for store, writer in writers.fed.items() if isinstance(writer, CopiesFiles)}


def _copy(run: ImportRun, load: Cargo, writers: Mapping[str, CopiesFiles]) -> Mapping[str, GlimpseError]:
    if load.file is None:
        return {}
    return copy_into(
        load.file,
        writers,
        progress=run.phases,
        stop=run.stop,
        must_all=run.record.all_stores_must_succeed,
    )


def _commit(run: ImportRun, writers: _Writers, size: int) -> None:
    for name, writer in {**writers.fed, **writers.adopting}.items():
        run.stop.check()
        store = run.resources.stores.get(name)
        try:
            url = writer.commit()
        except GlimpseError as error:
            _fail_target(run, name, error)
            continue
        metadata: Mapping[str, object] = store.metadata(url) if isinstance(store, Annotates) else {}
        run.commit_target(name, NewLocation(url, name, metadata))
        writers.published.add(name)
        run.phases.report(to_store(name), size, size)
        run.phases.finish(to_store(name))


def _fail_target(run: ImportRun, store: str, error: GlimpseError) -> None:
    """The store leaves this import, or ends it where all must succeed."""
    if run.record.all_stores_must_succeed:
        raise error
    run.phases.fail(to_store(store))
    run.resources.catalog.imports.fail_target(run.id, run.claim, store, redact.text(error.message))


def _nothing_delivered(run: ImportRun) -> GlimpseError:
    targets = run.resources.catalog.imports.get(run.id).targets
    failed = [f"{target.store}: {target.error}" for target in targets if target.state == "failed"]
    return Unavailable(f"No store could take the image ({'; '.join(failed)}).")
