"""What every import on this conductor works with, made once when the process starts."""

from dataclasses import dataclass

from glimpse.catalog import Catalog
from glimpse.config import Settings
from glimpse.staging.area import Area
from glimpse.stores.registry import Stores


@dataclass(frozen=True, slots=True)
class Resources:
    """The rooms below, configured."""

    settings: Settings
    catalog: Catalog
    stores: Stores
    area: Area
