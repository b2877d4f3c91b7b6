"""The second step: bring the bytes to where the rest of the plan can use them.

Only a plan with a spool has something to do here: fetch, unpack and write the spool. In every other plan the bytes flow
from their source in the deliver step.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from glimpse.imports.pipeline import incoming
from glimpse.imports.run import ImportRun
from glimpse.transfer.spool import spool


def acquire(run: ImportRun) -> None:
    """Write the spool, unless a former attempt on this host has completed it, or has delivered to all stores."""
    if not run.plan.spools or not run.waiting or spooled(run) is not None:
        return
    path = run.resources.area.spool_path(run.image_id, run.claim)
    with ExitStack() as stack:
        chunks, total = incoming(run, stack, "acquire")
        length = spool(
            chunks,
            path,
            stop=run.stop,
            total=total,
            size_cap=run.resources.settings.default.image_size_cap,
        )
    run.journal(
        spool={
            "host": run.resources.settings.host_id,
            "boot": boot(),
            "path": str(path),
            "length": length,
        }
    )


def spooled(run: ImportRun) -> Path | None:
    """The complete spool of this import on this host, if there is one."""
    known = cast("Mapping[str, object] | None", run.state.get("spool"))
    if known is None or (known["host"], known["boot"]) != (run.resources.settings.host_id, boot()):
        return None
    path = Path(str(known["path"]))
    if not path.is_file() or path.stat().st_size != known["length"]:
        return None
    return path


def boot() -> str:
    """This boot of this host. A spool is not synced to the disk, so one of an earlier boot may lack data."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def discard(run: ImportRun) -> None:
    """Remove what was brought: spool, staged file and their unfinished parts."""
    run.resources.area.remove(run.image_id, claim=run.claim)
