"""The ``http`` driver: images that lie on web servers, read-only. How it works and its limits:
``docs/stores/http.md``.
"""

from glimpse.stores.http.store import HttpStore

__all__ = ["HttpStore"]
