"""A real service with api and conductor processes of its own, driven over HTTP."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.api.service import Api

SCRIPT = Path(__file__).with_name("dying_conductor.py")
STOP_SECONDS = 20.0
DEADLINE = 30.0

# Sources on this host are allowed, and nothing takes longer to be noticed than a test wants to wait.
OPTIONS: Mapping[str, object] = {
    "import_filtering_opts.allowed_hosts": ["127.0.0.1"],
    "import_filtering_opts.allowed_ports": [],
    "glimpse.claim_lease": 1.0,
    "glimpse.heartbeat": 0.2,
    "glimpse.upload_lease": 3.0,
    "glimpse.web_stall_timeout": 2.0,
}


class Service(Api):
    """An api process and any number of conductors on one data directory."""

    def __init__(
        self,
        directory: Path,
        overrides: Mapping[str, object] | None = None,
        configuration: Path | None = None,
    ) -> None:
        self.options = {**OPTIONS, **(overrides or {})}
        self.conductors: list[subprocess.Popen[bytes]] = []
        self.sources = [] if configuration is None else [str(configuration)]
        super().__init__(directory, self.options, configuration)

    def conduct(self, point: str = "never:") -> "subprocess.Popen[bytes]":
        """One more conductor process; with ``point``, one that kills itself there."""
        source = {"files": self.sources, "data": str(self.data), "overrides": self.options}
        with (self.data / "conductor.log").open("ab") as log:
            process = self.spawn([sys.executable, str(SCRIPT), point, json.dumps(source)], log)
        self.conductors.append(process)
        return process

    def stop(self) -> int:
        """End all processes; every one of them has to end by itself when asked."""
        for process in self.conductors:
            process.send_signal(signal.SIGTERM)
        for process in self.conductors:
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()
                process.wait()
        return super().stop()

    def begin(self, image_id: str, method: str = "glance-direct", **body: Any) -> int:
        """Ask for an import; the status code."""
        parameters = {"uri": body.pop("uri")} if "uri" in body else {}
        request = {"method": {"name": method, **parameters}, **body}
        return self.http.post(f"/v2/images/{image_id}/import", json=request).status_code

    def record(self, image_id: str) -> dict[str, Any]:
        """The import record as the API shows it."""
        answer = self.http.get(f"/v2/images/{image_id}/import")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def ended(self, image_id: str) -> dict[str, Any]:
        """The record of an import that has ended, and has cleaned up after itself."""
        end = time.monotonic() + DEADLINE
        while True:
            record = self.record(image_id)
            if record["status"] in ("success", "failure") and not self.catalog.jobs.list():
                return record
            assert time.monotonic() < end, f"{record}\n{(self.data / 'conductor.log').read_text()}"
            time.sleep(0.02)
