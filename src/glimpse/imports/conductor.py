"""The conductor: takes jobs from the board and runs their imports, several at once."""

import logging
import os
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from taskflow import exceptions
from taskflow.jobs.base import Job, JobBoard

from glimpse.catalog.records import REGISTRATION
from glimpse.errors import ClaimLost, Conflict, NotFound
from glimpse.imports import flow, jobs, registering
from glimpse.imports.heartbeat import Heartbeat
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.progress import Phases, phase_names
from glimpse.imports.resources import Resources
from glimpse.imports.run import ImportRun
from glimpse.imports.stop import Interrupted

log = logging.getLogger(__name__)

# A job is looked for this often while there is a free slot. Each look is one indexed query of about 0.2 ms.
POLL_SECONDS = 0.05


class Conductor:
    """Runs imports until told to stop. ``worker`` names this process in claims."""

    def __init__(
        self, resources: Resources, plugins: Sequence[Plugin], board: JobBoard, *, worker: str | None = None
    ) -> None:
        settings = resources.settings
        self._resources = resources
        self._plugins = tuple(plugins)
        self._board = board
        self._worker = worker or f"{socket.gethostname()}:{os.getpid()}"
        self._lease = settings.glimpse.claim_lease
        self._slots = settings.taskflow_executor.max_workers
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix="import")
        self._heartbeat = Heartbeat(resources.catalog, lease=self._lease, beat=settings.glimpse.heartbeat)
        self._running: dict[str, ImportRun] = {}
        self._free = threading.Semaphore(self._slots)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Take and run jobs until :meth:`stop`; returns when every running import has let go."""
        self._heartbeat.start()
        try:
            while not self._stopping.is_set():
                if not self._take_some():
                    self._stopping.wait(POLL_SECONDS)
        finally:
            for run in list(self._running.values()):
                run.stop.set(Interrupted("The conductor is shutting down."))
            self._pool.shutdown(wait=True, cancel_futures=False)
            self._heartbeat.stop()

    def stop(self) -> None:
        """Ask :meth:`run` to return. Safe in a signal handler."""
        self._stopping.set()

    def _take_some(self) -> bool:
        """Take as many jobs as there are free slots; whether any was taken."""
        taken = False
        if not self._free.acquire(blocking=False):
            return False
        self._free.release()
        for job in self._board.iterjobs(only_unclaimed=True, ensure_fresh=True):
            if not jobs.runs_on(job, self._resources.settings.host_id):
                continue
            if self._stopping.is_set() or not self._free.acquire(blocking=False):
                break
            if self._take(job):
                taken = True
            else:
                self._free.release()
        return taken

    def _take(self, job: Job) -> bool:
        """Claim the job and its record and start the import; False when another has it or it is done."""
        try:
            self._board.claim(job, self._worker, expiry=self._lease)
        except (exceptions.UnclaimableJob, exceptions.NotFound):
            return False
        try:
            record = self._resources.catalog.imports.claim(jobs.import_id(job), self._worker, self._lease)
        except NotFound:
            self._consume(job)
            return False
        except Conflict:
            self._look_at_claimed(job)
            return False
        plugins = [plugin.name for plugin in self._plugins]
        named = record.method == REGISTRATION
        names = registering.PHASES if named else phase_names(plugins, record.stores)
        run = ImportRun(self._resources, record, Phases(names, record.phases))
        self._running[run.id] = run
        self._heartbeat.add(run, job)
        self._pool.submit(self._work, run, job)
        return True

    def _look_at_claimed(self, job: Job) -> None:
        """A job whose record cannot be claimed: another conductor runs it, or died between its end and cleaning up."""
        record = self._resources.catalog.imports.get(jobs.import_id(job))
        if record.status in ("pending", "processing"):
            self._abandon(job)
            return
        self._resources.area.remove(record.image_id, claim=record.claim)
        self._consume(job)

    def _work(self, run: ImportRun, job: Job) -> None:
        try:
            if run.record.method == REGISTRATION:
                registering.execute(run)
            else:
                flow.execute(run, self._plugins)
        except BaseException:
            log.exception("Import %s: the flow broke.", run.id)
        finally:
            self._heartbeat.remove(run)
            self._running.pop(run.id, None)
            self._free.release()
            self._let_go(run, job)

    def _let_go(self, run: ImportRun, job: Job) -> None:
        if run.ended:
            self._consume(job)
            return
        try:
            if not isinstance(run.stop.reason, ClaimLost):
                self._resources.catalog.imports.release(run.id, run.claim)
        except Exception:
            log.warning("Import %s not released; its lease will run out.", run.id, exc_info=True)
        self._abandon(job)

    def _consume(self, job: Job) -> None:
        try:
            self._board.consume(job, self._worker)
        except (exceptions.JobFailure, exceptions.NotFound):
            log.debug("Job %s was no longer on the board.", job.uuid)

    def _abandon(self, job: Job) -> None:
        try:
            self._board.abandon(job, self._worker)
        except (exceptions.JobFailure, exceptions.NotFound):
            log.debug("Job %s was no longer ours.", job.uuid)
