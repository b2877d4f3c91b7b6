"""The import methods, one file each."""

from glimpse.imports.methods.base import Method
from glimpse.imports.methods.glance_direct import GlanceDirect
from glimpse.imports.methods.web_download import WebDownload

METHODS: dict[str, Method] = {method.name: method for method in (GlanceDirect(), WebDownload())}
