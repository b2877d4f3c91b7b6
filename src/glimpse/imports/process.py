"""A conductor as a process: what ``glimpse conductor`` runs."""

import logging
import signal
from types import FrameType

from glimpse.catalog import Catalog
from glimpse.catalog.database import Database
from glimpse.config import Settings
from glimpse.imports import jobs
from glimpse.imports.conductor import Conductor
from glimpse.imports.plugins import load
from glimpse.imports.reaper import Reaper
from glimpse.imports.resources import Resources
from glimpse.staging.area import Area
from glimpse.stores.registry import Stores
from glimpse.transfer import confine

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Run imports until SIGTERM or SIGINT, then let go of them cleanly. Raises GlimpseError when it cannot start."""
    plugins = load(settings.image_import_opts.image_import_plugins, settings)
    stores = Stores.from_settings(settings.stores, settings.default_store)
    stores.check()
    database = Database.open(settings.database)
    resources = Resources(
        settings=settings,
        catalog=Catalog(database),
        stores=stores,
        area=Area(settings.staging_dir),
    )
    board = jobs.open_board(database)
    conductor = Conductor(resources, plugins, board)
    reaper = Reaper(resources)

    def stop(number: int, frame: FrameType | None) -> None:
        conductor.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    warning = confine.default().warning
    if warning:
        log.warning(warning)
    reaper.start()
    try:
        log.info("Conductor ready: %d imports at once.", settings.taskflow_executor.max_workers)
        conductor.run()
    finally:
        reaper.stop()
        board.close()
        database.close()
