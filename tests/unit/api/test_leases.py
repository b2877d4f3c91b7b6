"""Leases of running uploads, and when uploads are told to end."""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress

from glimpse.api.errors import HttpError
from glimpse.api.leases import Leases, Upload
from glimpse.catalog.records import UploadClaim
from glimpse.errors import ClaimLost, GlimpseError, Unavailable


class Renewals:
    """Notes who is renewed; says that some are lost, or fails."""

    def __init__(self, lost: set[str] | None = None, failing: int = 0) -> None:
        self.lost = lost or set()
        self.failing = failing
        self.rounds: list[set[str]] = []

    def __call__(self, claims: Collection[UploadClaim], lease: float) -> set[str]:
        self.rounds.append({claim.upload_id for claim in claims})
        if len(self.rounds) <= self.failing:
            raise OSError("the database is away")
        return self.lost


def upload(name: str) -> Upload:
    """An upload that waits for ever."""
    claim = UploadClaim(name, "image", 1, "file", None)
    return Upload(claim, asyncio.ensure_future(asyncio.Event().wait()))  # type: ignore[arg-type]


async def end_of(running: Upload) -> GlimpseError | None:
    """The error that an upload was ended with; waits for it."""
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(running.task, 10)
    return running.error


def test_all_are_renewed_together_and_a_lost_one_ends() -> None:
    async def scene() -> None:
        renewals = Renewals(lost={"b"})
        leases = Leases(renewals, 0.03)
        kept, lost = upload("a"), upload("b")
        leases.hold(kept)
        leases.hold(lost)
        leases.start()
        assert isinstance(await end_of(lost), ClaimLost)
        assert renewals.rounds[0] == {"a", "b"}
        assert kept.error is None
        leases.drop(lost)
        assert leases.count == 1
        await leases.stop()
        assert isinstance(await end_of(kept), Unavailable)

    asyncio.run(scene())


def test_a_failing_database_ends_no_upload_at_once() -> None:
    async def scene() -> None:
        renewals = Renewals(lost={"a"}, failing=2)
        leases = Leases(renewals, 0.03)
        running = upload("a")
        leases.hold(running)
        leases.start()
        assert isinstance(await end_of(running), ClaimLost)
        assert len(renewals.rounds) >= 3
        await leases.stop()

    asyncio.run(scene())


def test_a_client_that_sends_nothing_counts_as_gone() -> None:
    async def scene() -> None:
        leases = Leases(Renewals(), 0.03, 0.05)
        running, busy = upload("a"), upload("b")
        running.silent_since = time.monotonic()
        for each in (running, busy):
            leases.hold(each)
        leases.start()
        error = await end_of(running)
        assert isinstance(error, HttpError)
        assert error.status == 408
        assert busy.error is None, "it is us whom that one waits for"
        leases.drop(running)
        await leases.stop()

    asyncio.run(scene())


def test_an_upload_that_begins_while_the_service_stops_ends_at_once() -> None:
    async def scene() -> None:
        leases = Leases(Renewals(), 10)
        leases.stop_uploads()
        running = upload("a")
        leases.hold(running)
        assert isinstance(await end_of(running), Unavailable)

    asyncio.run(scene())
