"""The ``file`` driver: images are files in a directory. How it works and its limits:
``docs/stores/file.md``.
"""

from glimpse.stores.file.store import FileStore

__all__ = ["FileStore"]
