"""The catalog: all repositories on one database."""

from glimpse.catalog.database import Database
from glimpse.catalog.image_locations import ImageLocations
from glimpse.catalog.images import Images
from glimpse.catalog.imports import Imports
from glimpse.catalog.jobs import Jobs
from glimpse.catalog.members import Members
from glimpse.catalog.registrations import Registrations
from glimpse.catalog.repository import TASK_TIME_TO_LIVE, Clock, utcnow
from glimpse.catalog.staged import Staged
from glimpse.catalog.tagging import Tagging
from glimpse.catalog.uploads import Uploads
from glimpse.catalog.usages import Usages


class Catalog:
    """``clock`` gives aware UTC datetimes; ``task_time_to_live`` is in hours. Thread-safe as the database is."""

    def __init__(
        self, db: Database, *, clock: Clock = utcnow, task_time_to_live: float = TASK_TIME_TO_LIVE
    ) -> None:
        self.db = db
        self.clock = clock
        self.images = Images(db, clock, task_time_to_live)
        self.tags = Tagging(db, clock)
        self.members = Members(db, clock)
        self.locations = ImageLocations(db, clock)
        self.usages = Usages(db, clock)
        self.imports = Imports(db, clock, task_time_to_live)
        self.registrations = Registrations(db, clock)
        self.uploads = Uploads(db, clock)
        self.staged = Staged(db, clock)
        self.jobs = Jobs(db, clock)
