"""A whole import engine in one process: real catalog, staging area, stores and conductor; only HTTP is missing."""

import asyncio
import gzip
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse import config
from glimpse.access.caller import Caller
from glimpse.access.policy import Policy
from glimpse.access.quotas import quotas_of
from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, ImportRecord, NewImage, StagedFile
from glimpse.config import Settings
from glimpse.imports import jobs
from glimpse.imports.conductor import Conductor
from glimpse.imports.plugins import load
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.resources import Resources
from glimpse.imports.service import ImportService
from glimpse.staging.area import Area
from glimpse.stores.registry import Stores
from glimpse.transfer.archive import magic
from glimpse.transfer.decompress import detect

ADMIN = Caller(user_id="u", project_id="p", roles=frozenset({"member"}), is_admin=True, request_id="req-1")
DEADLINE = 30.0


@dataclass
class Engine:
    """Everything an import needs, configured from ``overrides``."""

    settings: Settings
    resources: Resources
    service: ImportService
    plugins: tuple[Plugin, ...]
    board: Any

    @property
    def catalog(self) -> Catalog:
        return self.resources.catalog

    def create(self, disk_format: str = "raw", container_format: str = "bare", **attributes: Any) -> Image:
        return self.catalog.images.create(
            NewImage(disk_format=disk_format, container_format=container_format, owner="p", **attributes)
        )

    def stage(self, image: Image, data: bytes) -> None:
        """Put data where an upload to staging would leave it."""
        claim = self.catalog.images.begin_upload(image.id, "stage", None, "test", 30.0)
        writer = self.resources.area.create(image.id, claim.claim)
        writer.write(data)
        staged = writer.commit()
        self.catalog.uploads.complete_stage(
            claim,
            StagedFile(
                image_id=image.id,
                host=self.settings.host_id,
                path=str(staged.path),
                device=staged.device,
                inode=staged.inode,
                length=staged.length,
                modified_ns=staged.modified_ns,
                wrapper=detect(data[:512]) or magic.detect(data[:512]),
            ),
        )

    def start(self, image: Image, method: str = "glance-direct", **body: Any) -> ImportRecord:
        parameters = {"uri": body.pop("uri")} if "uri" in body else {}
        current = self.catalog.images.get(image.id)
        asked = {"method": {"name": method, **parameters}, **body}
        quota = asyncio.run(quotas_of(self.settings).of(current.owner))
        return self.service.start(current, asked, None, ADMIN, quota=quota)

    @contextmanager
    def conducting(self) -> Iterator[Conductor]:
        conductor = Conductor(self.resources, self.plugins, self.board)
        thread = threading.Thread(target=conductor.run)
        thread.start()
        try:
            yield conductor
        finally:
            conductor.stop()
            thread.join(DEADLINE)
            assert not thread.is_alive()

    def ended(self, record: ImportRecord) -> ImportRecord:
        """The record once it has ended."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            now = self.catalog.imports.get(record.id)
            if now.status in ("success", "failure"):
                return now
            time.sleep(0.01)
        raise AssertionError(f"import did not end: {self.catalog.imports.get(record.id)}")

    def idle(self) -> None:
        """Wait until the board is empty: the conductor has cleaned up after the last import."""
        deadline = time.monotonic() + DEADLINE
        while self.board.job_count:
            assert time.monotonic() < deadline, "a job stays on the board"
            time.sleep(0.01)

    def files(self) -> set[Path]:
        """Every file in staging and in the stores."""
        roots = (self.settings.staging_dir, self.settings.data / "stores")
        return {path for root in roots if root.exists() for path in root.rglob("*") if path.is_file()}


@contextmanager
def engine_in(directory: Path, overrides: dict[str, object]) -> Iterator[Engine]:
    settings = config.load(
        data=directory,
        overrides={
            "import_filtering_opts.allowed_hosts": ["127.0.0.1"],
            "import_filtering_opts.allowed_ports": [],
            "glimpse.web_stall_timeout": 2.0,
            **overrides,
        },
    )
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database.connection)
    database.upgrade()
    stores = Stores.from_settings(settings.stores, settings.default_store)
    stores.check()
    catalog = Catalog(database)
    board = jobs.open_board(database)
    resources = Resources(
        settings=settings,
        catalog=catalog,
        stores=stores,
        area=Area(settings.staging_dir),
    )
    plugins = load(settings.image_import_opts.image_import_plugins, settings)
    service = ImportService(settings, catalog, stores, Policy.of(settings), board, plugins)
    try:
        yield Engine(settings, resources, service, plugins, board)
    finally:
        board.close()
        database.close()


@dataclass(frozen=True)
class Disk:
    """A small disk image: its raw bytes, as a qcow2 made by qemu-img, and that packed by gzip."""

    raw: bytes
    qcow2: bytes

    @property
    def packed(self) -> bytes:
        return gzip.compress(self.qcow2, 1)


def make_disk(directory: Path) -> Disk:
    """24 MiB with data in three places."""
    raw, qcow2 = directory / "raw", directory / "qcow2"
    with raw.open("wb") as file:
        file.truncate(24 << 20)
        for offset in (0, 5 << 20, (17 << 20) + 4096):
            file.seek(offset)
            file.write(os.urandom(1 << 20))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
    return Disk(raw.read_bytes(), qcow2.read_bytes())
