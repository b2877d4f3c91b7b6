"""The import methods, one file each."""

from glimpse.config import Settings
from glimpse.imports.methods.base import Method
from glimpse.imports.methods.glance_direct import GlanceDirect
from glimpse.imports.methods.web_download import WebDownload

# What ``POST /v2/tasks`` does, which makes the image as well; nobody can ask for it by ``POST …/import``.
AS_TASK = WebDownload("import")

METHODS: dict[str, Method] = {method.name: method for method in (GlanceDirect(), WebDownload(), AS_TASK)}


def offered(settings: Settings) -> tuple[str, ...]:
    """The methods that users can ask for, in configured order: those that are enabled, as far as this version has them.

    ``copy-image`` is enabled by default, as in existing configurations, so it is no error that it is missing.
    """
    if not settings.import_enabled:
        return ()
    return tuple(
        name for name in settings.default.enabled_import_methods if name in METHODS and name != AS_TASK.name
    )
