"""Everything the service was told, checked and typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_type_hints

from glimpse.config.declare import MASK, Section
from glimpse.config.options.access import KeystoneAuthtoken, OsloLimit, OsloPolicy, PasteDeploy
from glimpse.config.options.database import Database
from glimpse.config.options.default import Default
from glimpse.config.options.events import OsloMessagingNotifications
from glimpse.config.options.glimpse import Glimpse
from glimpse.config.options.http import Cors, Healthcheck, OsloMiddleware
from glimpse.config.options.images import ImageFormat
from glimpse.config.options.imports import (
    GlanceDownloadProperties,
    ImageConversion,
    ImageImportOpts,
    ImportFilteringOpts,
    InjectMetadataProperties,
)
from glimpse.config.options.keys import Barbican, KeyManager, Vault
from glimpse.config.options.stores import GlanceStore, OsGlanceStagingStore
from glimpse.config.options.tasks import Task, TaskflowExecutor


@dataclass(frozen=True, kw_only=True)
class Sections:
    """The sections, named as in the files; a field here is all that makes a section known."""

    default: Default
    image_format: ImageFormat
    image_import_opts: ImageImportOpts
    import_filtering_opts: ImportFilteringOpts
    image_conversion: ImageConversion
    inject_metadata_properties: InjectMetadataProperties
    glance_download_properties: GlanceDownloadProperties
    task: Task
    taskflow_executor: TaskflowExecutor
    glance_store: GlanceStore
    os_glance_staging_store: OsGlanceStagingStore
    database: Database
    paste_deploy: PasteDeploy
    oslo_policy: OsloPolicy
    keystone_authtoken: KeystoneAuthtoken
    oslo_limit: OsloLimit
    key_manager: KeyManager
    barbican: Barbican
    vault: Vault
    oslo_messaging_notifications: OsloMessagingNotifications
    oslo_middleware: OsloMiddleware
    cors: Cors
    healthcheck: Healthcheck
    glimpse: Glimpse


@dataclass(frozen=True)
class StoreSettings:
    """One store: its id, its driver, and what the driver is told (by option name)."""

    id: str
    type: str
    description: str
    weight: int
    options: Mapping[str, object]
    secrets: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        shown = {name: MASK if name in self.secrets else value for name, value in self.options.items()}
        return f"StoreSettings({self.id!r}, {self.type!r}, {self.description!r}, {self.weight}, {shown})"


@dataclass(frozen=True, kw_only=True)
class Settings(Sections):
    """The sections, and what follows from them.

    ``data`` is the home of whatever the files do not place. ``stores`` and ``staging_dir`` are the same
    whether one store is configured in the old way or several. ``host_id`` is how other hosts know this one.
    In the directories of ``search_path``, files named in the configuration are looked for. ``origins`` are the
    rules of ``[cors]`` and of each ``[cors.NAME]``.
    """

    data: Path
    stores: tuple[StoreSettings, ...]
    default_store: str
    multi_store: bool
    staging_dir: Path
    host_id: str
    import_enabled: bool
    search_path: tuple[Path, ...] = ()
    origins: tuple[Cors, ...] = ()
    unread: Callable[[], tuple[str, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Lines to log once, when import plugins are loaded: these may have declared options of their own."""
        return self.unread()

    def find_file(self, name: str) -> Path | None:
        """The file of this name beside the configuration, or at this absolute path; None without one.

        Never in the working directory: whoever may write there would decide what is allowed here.
        """
        places = (Path("/"),) if Path(name).is_absolute() else self.search_path
        return next((found for place in places if (found := place / name).is_file()), None)


SECTION_TYPES: Mapping[str, type[Section]] = get_type_hints(Sections)


def section_name(field: str) -> str:
    """What the section of a field of :class:`Sections` is called in files."""
    return "DEFAULT" if field == "default" else field
