"""The uploads that run in this process: their leases are renewed, and they are told when they must end."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from glimpse.api.errors import HttpError
from glimpse.catalog.records import UploadClaim
from glimpse.errors import ClaimLost, GlimpseError, Unavailable

LOG = logging.getLogger(__name__)

# A lease is renewed this often before it would end, so that one slow moment of the database loses nothing.
RENEWALS_PER_LEASE = 3


class Upload:
    """One running upload. Its task is cancelled to end it; :attr:`error` says why then.

    Once it is ``settling``, what becomes of it is being written to the catalog, which decides: nobody ends it any more,
    and that its lease is gone means nothing. ``silent_since`` is when we began to wait for its client's next
    bytes; None while it is we who are busy.
    """

    __slots__ = ("claim", "error", "settling", "silent_since", "task")

    def __init__(self, claim: UploadClaim, task: asyncio.Task[None]) -> None:
        self.claim = claim
        self.task = task
        self.error: GlimpseError | None = None
        self.settling = False
        self.silent_since: float | None = None

    def stop(self, error: GlimpseError) -> None:
        """Make the upload end with this error, unless it is ending already."""
        if self.error is None and not self.settling:
            self.error = error
            self.task.cancel()


class Leases:
    """``seconds`` is how long a lease lasts, ``patience`` after how many seconds without a byte a client counts
    as gone although its connection stands; 0: never. ``renew`` is the catalog's ``renew_all``, blocking: all at
    once, since 2,000 renewals of one each took a second of the interpreter's lock every ten seconds.
    """

    def __init__(
        self, renew: Callable[[Collection[UploadClaim], float], set[str]], seconds: float, patience: float = 0
    ) -> None:
        self._renew = renew
        self.seconds = seconds
        self._patience = patience
        self._running: dict[str, Upload] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def count(self) -> int:
        """How many uploads run here."""
        return len(self._running)

    def hold(self, upload: Upload) -> None:
        """Renew this upload's lease from now on."""
        self._running[upload.claim.upload_id] = upload
        if self._stopping:
            upload.stop(_stopped())

    def drop(self, upload: Upload) -> None:
        """The upload has ended."""
        self._running.pop(upload.claim.upload_id, None)

    def start(self) -> None:
        """Begin renewing, on the running event loop."""
        self._task = asyncio.create_task(self._loop(), name="upload leases")

    def stop_uploads(self) -> None:
        """End every upload, those that begin from now on as well; each puts its image right."""
        self._stopping = True
        for upload in list(self._running.values()):
            upload.stop(_stopped())

    async def stop(self) -> None:
        """End every upload, wait until each has put its image right, and renew no more."""
        self.stop_uploads()
        tasks = [upload.task for upload in self._running.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(self.seconds / RENEWALS_PER_LEASE)
            if self._patience:
                self._stop_silent(time.monotonic() - self._patience)
            due = [upload.claim for upload in self._running.values()]
            if due:
                await self._renew_all(due)

    def _stop_silent(self, since: float) -> None:
        for upload in list(self._running.values()):
            if upload.silent_since is not None and upload.silent_since < since:
                upload.stop(HttpError(408, f"No data came for {self._patience:g} seconds."))

    async def _renew_all(self, due: list[UploadClaim]) -> None:
        try:
            lost = await asyncio.to_thread(self._renew, due, self.seconds)
        except Exception:
            LOG.warning("The leases of uploads could not be renewed; trying again soon.", exc_info=True)
            return
        for upload_id in lost:
            upload = self._running.get(upload_id)
            if upload is not None:
                upload.stop(ClaimLost("The image was taken away from this upload."))


def _stopped() -> GlimpseError:
    return Unavailable("The service is stopping.", hint="Upload again in a moment.")
