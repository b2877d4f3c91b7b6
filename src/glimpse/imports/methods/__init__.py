"""The import methods, one file each."""

from glimpse.imports.methods.base import Method
from glimpse.imports.methods.glance_direct import GlanceDirect
from glimpse.imports.methods.web_download import WebDownload

# What ``POST /v2/tasks`` does, which makes the image as well; nobody can ask for it by ``POST …/import``.
AS_TASK = WebDownload("import")

METHODS: dict[str, Method] = {method.name: method for method in (GlanceDirect(), WebDownload(), AS_TASK)}
