"""What images are and may become: the records, and the database that keeps them.

``glimpse.catalog.records`` holds plain data and imports nothing heavy. :class:`Database` and :class:`Catalog`
bring SQLAlchemy with them, so they are loaded only when somebody asks for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glimpse.catalog.catalog import Catalog
    from glimpse.catalog.database import Database

__all__ = ["Catalog", "Database"]

_HOMES = {"Catalog": "glimpse.catalog.catalog", "Database": "glimpse.catalog.database"}


def __getattr__(name: str) -> object:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    return value
