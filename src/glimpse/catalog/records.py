"""What the catalog takes and gives, as plain data. Times are aware UTC datetimes, sizes are bytes.

Nothing here touches the database: a record is what was true when it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

NO_PROPERTIES: Mapping[str, str | None] = {}

IMPORTING = "os_glance_importing_to_stores"
FAILED = "os_glance_failed_import"
# Properties of the service's own, such as those above: whoever may see the image reads them. Neither users nor the
# operator's files write them, nor do they count against a limit. The catalog itself refuses them.
RESERVED_PREFIX = "os_glance"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. Where a viewer may be given, None means the service itself, which sees everything that
    exists.
    """

    project: str | None
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """Where one copy of an image's bytes is. ``url`` may hold credentials: never show it unmasked in
    messages.
    """

    id: int
    url: str
    store: str | None
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NewLocation:
    """A location to be recorded. ``store`` None: nobody's store, as with an address given by a user."""

    url: str
    store: str | None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it stands.

    ``properties`` holds the users' properties and the two lists of an import
    (``os_glance_importing_to_stores``, ``os_glance_failed_import``). ``import_id`` is the lock: the import
    that runs now, or None. ``claim`` is the number of the last claim made on the image; work done under a
    lower number is refused.
    """

    id: str
    name: str | None
    status: str
    visibility: str
    protected: bool
    os_hidden: bool
    checksum: str | None
    os_hash_algo: str | None
    os_hash_value: str | None
    owner: str | None
    size: int | None
    virtual_size: int | None
    disk_format: str | None
    container_format: str | None
    min_disk: int
    min_ram: int
    created_at: datetime
    updated_at: datetime
    properties: Mapping[str, str | None]
    tags: tuple[str, ...]
    locations: tuple[Location, ...]
    claim: int
    import_id: str | None


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be created, ``queued``. ``id`` None: a random UUID."""

    id: str | None = None
    name: str | None = None
    visibility: str = "shared"
    protected: bool = False
    os_hidden: bool = False
    owner: str | None = None
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    properties: Mapping[str, str | None] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "in"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a listing wants of one attribute: ``size`` ``gte`` (1024,).

    ``values`` is a single value, for ``in`` any number of them (none: no image). Times are aware datetimes.
    An attribute without value meets no comparison.
    """

    column: str
    operator: Operator
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images to list.

    ``sort`` are (key, "asc" | "desc") pairs; ``created_at`` and ``id`` are always added, in the direction of
    a single key, else descending. ``filters`` compare for equality: names of image columns with the column,
    every other name with the property of that name. ``comparisons`` compare columns otherwise. An image must
    have all ``tags``. ``visibility`` None is the documented default, "all" adds community images.
    ``os_hidden`` None lists hidden and shown images alike. ``member_status`` ("all" for any) says which
    images that others share with the viewer count.
    """

    limit: int = 25
    marker: str | None = None
    sort: tuple[tuple[str, str], ...] = ()
    filters: Mapping[str, object] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    tags: tuple[str, ...] = ()
    visibility: str | None = None
    os_hidden: bool | None = False
    member_status: str = "accepted"


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing; ``more`` says whether another image follows the last of these."""

    images: tuple[Image, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A project that a shared image is shared with; ``status`` is pending, accepted or rejected."""

    image_id: str
    member: str
    status: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What is known about data that is brought in by its location; ``size`` in bytes."""

    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of what limits bound one owner's images take: bytes, and numbers of images."""

    image_size_total: int
    image_stage_total: int
    image_count_total: int
    image_count_uploading: int


UploadKind = Literal["file", "stage"]


@dataclass(frozen=True, slots=True)
class UploadClaim:
    """The right to write one image's data by upload; it lasts as long as its lease is renewed."""

    upload_id: str
    image_id: str
    claim: int
    kind: UploadKind
    store: str | None


@dataclass(frozen=True, slots=True)
class ExpiredUpload:
    """An upload whose process has not renewed its lease: what it left behind is named by image and claim."""

    upload_id: str
    image_id: str
    claim: int
    kind: UploadKind
    store: str | None
    owner_process: str
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class StagedFile:
    """Staged data and what was found while it came in; trusted only while length and inode still match.

    ``digests`` are hexadecimal by algorithm, empty where nothing was hashed. ``refusal`` says why the data
    must not become an image; ``wrapper`` names the compression around it.
    """

    image_id: str
    host: str
    path: str
    device: int
    inode: int
    length: int
    modified_ns: int
    digests: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    virtual_size: int | None = None
    refusal: str | None = None
    wrapper: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion left for others to clean: objects in stores, a staged file, the parts of an upload."""

    image_id: str
    claim: int
    locations: tuple[Location, ...]
    staged: StagedFile | None
    upload: UploadClaim | None
    import_id: str | None


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of an import as a user watches it; ``done`` and ``total`` are bytes (``total`` None: not
    known).
    """

    name: str
    state: str
    done: int = 0
    total: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One store that an import was asked to deliver to; ``state`` is pending, writing, committed or failed."""

    store: str
    state: str
    url: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Restore:
    """Properties to put back when an import fails: values to set, and names to remove."""

    set: Mapping[str, str | None] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewImport:
    """An import that was asked for and checked. ``host``: only conductors of that host may run it (None:
    any).

    ``request`` is what everybody may see of it; ``sealed`` what it needs besides, encrypted: forgotten at its end.
    ``state`` is what the import engine knows from the beginning.
    ``lists_stores`` False keeps the two lists of stores on the image empty, as in a single-store service.
    """

    image_id: str
    method: str
    request: Mapping[str, object]
    stores: tuple[str, ...]
    all_stores_must_succeed: bool = True
    owner: str | None = None
    user_id: str | None = None
    roles: tuple[str, ...] = ()
    request_id: str | None = None
    host: str | None = None
    lists_stores: bool = True
    id: str | None = None
    sealed: str | None = field(default=None, repr=False)
    state: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """Task, journal and lock of one import. ``status``: pending, processing, success or failure.

    ``claim`` is the number under which it may be changed now; ``attempts`` counts how often it was taken up
    without having been handed back. ``plan`` and ``state`` belong to the import engine. ``expires_at`` is set
    at the end.
    """

    id: str
    image_id: str
    status: str
    method: str
    request: Mapping[str, object]
    stores: tuple[str, ...]
    all_stores_must_succeed: bool
    owner: str | None
    user_id: str | None
    roles: tuple[str, ...]
    request_id: str | None
    host: str | None
    claim: int
    claimed_by: str | None
    lease_until: datetime | None
    attempts: int
    plan: Mapping[str, object] | None
    state: Mapping[str, object]
    phases: tuple[Phase, ...]
    targets: tuple[Target, ...]
    message: str
    result: Mapping[str, object] | None
    error: Mapping[str, object] | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    sealed: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which imports to list as tasks. ``owner`` None: everybody's. ``type`` is what :func:`task_type` gives.

    ``sort`` are (key, "asc" | "desc") pairs; ``created_at`` and ``id`` are always added, as with images.
    """

    limit: int = 25
    marker: str | None = None
    sort: tuple[tuple[str, str], ...] = ()
    status: str | None = None
    type: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Part of a listing; ``more`` says whether another task follows the last of these."""

    tasks: tuple[ImportRecord, ...]
    more: bool


# Making data that lies somewhere already an image's: nothing is delivered to stores.
REGISTRATION = "location-import"
# Methods whose tasks have a type of their own; all others are what users ask for by ``POST …/import``.
TASK_TYPES: Mapping[str, str] = {"import": "import", REGISTRATION: "location_import"}
TASK_TYPE = "api_image_import"


def task_type(method: str) -> str:
    """What kind of task an import by this method is."""
    return TASK_TYPES.get(method, TASK_TYPE)


@dataclass(frozen=True, slots=True)
class Job:
    """An import that has not ended: ``claimed_by`` holds it until ``lease_until``; ``host``: where it must run."""

    import_id: str
    host: str | None
    claimed_by: str | None
    lease_until: datetime | None
    created_at: datetime
