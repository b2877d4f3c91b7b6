"""The heartbeat of a conductor: keeps the claims of its running imports and writes their progress."""

import logging
import threading
import time

from taskflow.jobs.base import Job

from glimpse.catalog import Catalog
from glimpse.catalog.records import Phase
from glimpse.errors import ClaimLost
from glimpse.imports.run import ImportRun

log = logging.getLogger(__name__)

# How often progress is looked at. A follower that asks five times a second sees every change; an import of a MiB is
# over before the first look and costs no write at all.
LOOK_SECONDS = 0.2


class Heartbeat:
    """One thread for all imports of this process.

    ``lease`` and ``beat`` in seconds: a claim is renewed at least every ``beat``, and progress is written at most
    every ``LOOK_SECONDS``. An import whose claim could not be renewed within its lease is told to stop: another
    conductor may hold it by then.
    """

    def __init__(self, catalog: Catalog, *, lease: float, beat: float) -> None:
        self._catalog = catalog
        self._lease = lease
        self._beat = beat
        self._pulses: dict[str, _Pulse] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the last beat is done."""
        self._ending.set()
        self._thread.join()

    def add(self, run: ImportRun, job: Job) -> None:
        """Keep the claim of ``run``, and its ``job``'s on the board, from now on."""
        self._pulses[run.id] = _Pulse(run, job)

    def remove(self, run: ImportRun) -> None:
        """The import has ended."""
        self._pulses.pop(run.id, None)

    def _loop(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            for pulse in list(self._pulses.values()):
                try:
                    self._look(pulse)
                except Exception:
                    log.warning("Heartbeat of import %s failed.", pulse.run.id, exc_info=True)
                    self._mind_the_lease(pulse)

    def _look(self, pulse: "_Pulse") -> None:
        run, now = pulse.run, time.monotonic()
        phases = run.phases.snapshot()
        due = now - pulse.renewed >= self._beat
        if run.stop.reason is not None or (not due and phases == pulse.written):
            return
        try:
            self._catalog.imports.renew(run.id, run.claim, self._lease, phases=phases)
        except ClaimLost as lost:
            run.stop.set(lost)
            return
        pulse.written = phases
        if due:
            pulse.job.extend_expiry(self._lease)
        pulse.renewed = now

    def _mind_the_lease(self, pulse: "_Pulse") -> None:
        if time.monotonic() - pulse.renewed >= self._lease:
            pulse.run.stop.set(ClaimLost("The claim could not be renewed before its lease ran out."))


class _Pulse:
    """One import under watch."""

    def __init__(self, run: ImportRun, job: Job) -> None:
        self.run = run
        self.job = job
        self.renewed = time.monotonic()
        self.written: tuple[Phase, ...] = ()
