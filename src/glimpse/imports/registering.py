"""What happens to an address that is to become an image's data, from top to bottom.

Nothing is copied. The data is looked at, hashed where the operator wants it, and the address becomes a location. With a
hash given by the user, of a signed image, or where the data could not be looked at before, all of it is read first and
the image is active only then; otherwise it is active at once and the hash comes afterwards. Like every import it can be
run again from its start, on any conductor, after any death.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import count
from typing import TypeVar, cast

from glimpse.access import redact
from glimpse.catalog.records import Image, NewLocation
from glimpse.errors import ClaimLost, GlimpseError, Invalid, NotFound, TooLarge
from glimpse.imports.addresses import look
from glimpse.imports.inspection import expected_format, rules
from glimpse.imports.planning import CHECKSUM
from glimpse.imports.progress import counted
from glimpse.imports.run import ImportRun, describe
from glimpse.imports.steps.lock import MOST_ATTEMPTS, BringsDown
from glimpse.stores.base import Store
from glimpse.transfer.disk.inspect import Inspector
from glimpse.transfer.run import deliver
from glimpse.transfer.sources.object import ObjectSource
from glimpse.transfer.sources.uri import masked
from glimpse.transfer.zeros import extents

log = logging.getLogger(__name__)

T = TypeVar("T")

# Before a try is repeated; doubled for each further one. A server that restarts is back within seconds.
PAUSE_SECONDS = 0.5


class HashMismatch(Invalid):
    """The data is not what the user said it is."""

    code = "hash-mismatch"


class DifferentSize(Invalid):
    """The data is no longer as long as when it was looked at."""

    code = "different-size"


def execute(run: ImportRun) -> None:
    """Run it to its end. Afterwards ``run.ended`` says whether the record is final: it is not where this conductor has
    lost its claim, has to end, or cannot reach the catalog.
    """
    try:
        try:
            for name, work in STEPS.items():
                run.stop.check()
                run.phases.start(name)
                work(run)
                run.phases.finish(name)
            publish(run)
        except ClaimLost as lost:
            run.stop.set(lost)
        except GlimpseError as error:
            if not run.leaving:
                dismiss(run, error)
        except Exception as error:
            log.exception("Import %s: unexpected error.", run.id)
            hint = "The log of the conductor has the details."
            dismiss(run, GlimpseError(f"Internal error: {type(error).__name__}.", hint=hint))
    except ClaimLost as lost:
        run.stop.set(lost)


def admit(run: ImportRun) -> None:
    """Give up what brings conductors down."""
    if run.record.attempts > MOST_ATTEMPTS:
        raise BringsDown(f"{MOST_ATTEMPTS} conductors have died while they read {masked(_url(run))}.")


def register(run: ImportRun) -> None:
    """Look at the data. Unless it has to be read first, the image has it with this."""
    admit(run)
    if not _waits(run):
        return
    if "found" not in run.state:
        settings = run.resources.settings
        size, finding = _again(run, lambda: look(_store(run), _url(run), _image(run), settings))
        if size > settings.default.image_size_cap:
            raise TooLarge(f"There are {size} bytes; {settings.default.image_size_cap} are allowed.")
        run.reserve(size, 1)
        virtual_size = None if finding is None else finding.virtual_size
        run.journal(found={"size": size, "virtual_size": virtual_size}, looked=finding is not None)
    if _hashes(run) and (_expected(run) or run.signature or not run.state["looked"]):
        return
    _commit(run)
    run.resources.catalog.registrations.activate(run.id, run.claim, {**_found(run), **_expected(run)})


def hash_data(run: ImportRun) -> None:
    """Read all of the data, where it is to be hashed.

    An image that is active already stays so whatever happens here: then its hash remains unknown.
    """
    if "known" in run.state or not _hashes(run):
        return
    try:
        known = _again(run, lambda: _read(run))
    except GlimpseError as error:
        run.stop.check()
        if _waits(run):
            raise
        log.warning("The data of image %s could not be hashed: %s", run.image_id, error.message)
        run.journal(known={}, unhashed=redact.text(error.message))
        return
    run.journal(known=known)


def publish(run: ImportRun) -> None:
    """End the import: the image has its data, and what is known about it."""
    _commit(run)
    known = cast("Mapping[str, object]", run.state.get("known", {}))
    unhashed = run.state.get("unhashed")
    run.phases.finish("finish")
    run.resources.catalog.imports.succeed(
        run.id,
        run.claim,
        attributes={**_found(run), **known},
        message="" if unhashed is None else f"The data was not hashed: {unhashed}",
        phases=run.phases.snapshot(),
    )
    run.ended = True


def dismiss(run: ImportRun, error: GlimpseError) -> None:
    """End the import as failed, and the image is queued again; one that is active keeps its data, without a hash."""
    imports = run.resources.catalog.imports
    log.info("Import %s fails: %s", run.id, error.message)
    run.phases.fail_running()
    phases = run.phases.snapshot()
    told = describe("register", error)
    if _waits(run):
        imports.fail(run.id, run.claim, error=told, message=str(told["message"]), phases=phases)
    else:
        message = f"The data was not hashed: {told['message']}"
        imports.succeed(run.id, run.claim, attributes={}, message=message, phases=phases)
    run.ended = True


STEPS: Mapping[str, Callable[[ImportRun], None]] = {"register": register, "hash": hash_data}
PHASES = (*STEPS, "finish")


def _read(run: ImportRun) -> dict[str, object]:
    """The digests of the data and what it is. Raises HashMismatch, DifferentSize, UnsafeImage, what the store raises."""
    expected, size, settings = _expected(run), _found(run)["size"], run.resources.settings
    algorithm = expected.get("os_hash_algo", settings.default.hashing_algorithm)
    signed = () if run.signature is None else (run.signature.algorithm,)
    with closing(ObjectSource(_store(run).reader(_url(run)))) as source:
        if source.size != size:
            raise DifferentSize(f"{masked(_url(run))} has {source.size} bytes now, not {size}.")
        done = deliver(
            extents(counted(source.chunks(), run.phases, "hash", source.size)),
            {},
            algorithms=dict.fromkeys((CHECKSUM, algorithm, *signed)),
            inspector=Inspector(expected_format(_image(run)), rules(settings)),
            stop=run.stop,
        )
    if done.finding is not None:
        done.finding.raise_if_refused()
    value = done.digests[algorithm]
    if expected and value != expected["os_hash_value"]:
        raise HashMismatch(
            f"The {algorithm} of {masked(_url(run))} is {value}, not {expected['os_hash_value']} as given."
        )
    if run.signature is not None:
        run.signature.verify(done.digests)
    virtual_size = None if done.finding is None else done.finding.virtual_size
    return {
        "checksum": done.digests[CHECKSUM],
        "os_hash_algo": algorithm,
        "os_hash_value": value,
        "virtual_size": virtual_size,
    }


def _hashes(run: ImportRun) -> bool:
    """Whether the operator wants such data to be hashed, or its signature cannot be verified otherwise."""
    return run.resources.settings.default.do_secure_hash or run.signature is not None


def _commit(run: ImportRun) -> None:
    """Make the address a location of the image; harmless when repeated."""
    (target,) = run.record.targets
    location = NewLocation(_url(run), target.store)
    run.resources.catalog.imports.commit_target(run.id, run.claim, target.store, location)


def _waits(run: ImportRun) -> bool:
    """Whether the image has no data yet. The image's own row says so: it is changed with everything else."""
    return _image(run).status == "importing"


def _image(run: ImportRun) -> Image:
    try:
        return run.image()
    except NotFound:
        raise ClaimLost("The image was deleted.") from None


def _store(run: ImportRun) -> Store:
    (target,) = run.record.targets
    return run.resources.stores.get(target.store)


def _url(run: ImportRun) -> str:
    return str(run.request["loc_url"])


def _expected(run: ImportRun) -> dict[str, str]:
    """The hash that the user has given: ``os_hash_algo`` and ``os_hash_value``, or nothing."""
    given = cast("Mapping[str, str]", run.record.request["validation_data"])
    return {name: value.lower() for name, value in given.items()}


def _found(run: ImportRun) -> dict[str, object]:
    return dict(cast("Mapping[str, object]", run.state["found"]))


def _again(run: ImportRun, work: Callable[[], T]) -> T:
    """``work``, tried again as often as the operator says where that may help."""
    retries = run.resources.settings.default.http_retries
    for attempt in count():
        try:
            return work()
        except GlimpseError as error:
            if not error.retryable or attempt >= retries:
                raise
            log.info("Import %s: %s Trying again.", run.id, error.message)
            run.stop.pause(PAUSE_SECONDS * 2**attempt)
    raise AssertionError("count() does not end")
