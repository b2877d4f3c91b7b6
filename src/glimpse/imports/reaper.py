"""The reaper: finds what died with its process and puts it right.

Uploads whose api process is gone go back to ``queued``; files in staging that nothing explains are removed, and so are
tasks that have expired. Every conductor runs one; what two do at once is harmless.
"""

import logging
import threading

from glimpse.imports.resources import Resources
from glimpse.staging.cleaner import Cleaner

log = logging.getLogger(__name__)

# An indexed query of about 0.2 ms; an upload whose process died is found at most this long after its lease.
ROUND_SECONDS = 2.0

# The cleaner reads the staging directory and asks the catalog for each file; what it finds has been there for minutes.
CLEAN_SECONDS = 300.0


class Reaper:
    """One thread beside the conductor."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._cleaner = Cleaner(resources.area, resources.catalog)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="reaper", daemon=True)

    def start(self) -> None:
        """Begin with a round at once: a restarted host finds its own leftovers first."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the running round is done."""
        self._ending.set()
        self._thread.join()

    def _loop(self) -> None:
        rounds_between_cleanings = int(CLEAN_SECONDS / ROUND_SECONDS)
        count = 0
        while True:
            try:
                self.round()
                if count % rounds_between_cleanings == 0:
                    self._cleaner.run_once()
                    self._resources.catalog.imports.purge()
            except Exception:
                log.warning("A round of the reaper failed; the next one tries again.", exc_info=True)
            count += 1
            if self._ending.wait(ROUND_SECONDS):
                return

    def round(self) -> None:
        """Look once for uploads whose process is gone."""
        resources = self._resources
        for upload in resources.catalog.uploads.expired():
            if not resources.catalog.uploads.reap(upload):
                continue
            log.info("Upload to image %s died with its process; the image is queued again.", upload.image_id)
            if upload.kind == "file" and upload.store is not None:
                keep = {location.url for location in resources.catalog.images.get(upload.image_id).locations}
                resources.stores.get(upload.store).sweep(upload.image_id, keep, claim=upload.claim)
            else:
                resources.area.remove(upload.image_id, claim=upload.claim)
