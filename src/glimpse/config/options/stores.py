"""Where images are kept, and what each kind of store can be told."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated

from glimpse.config.declare import MULTI, Form, Section, Shown


class GlanceStore(Section):
    """Which store is the default one; without enabled_backends, also what that store is."""

    default_backend: Annotated[
        str | None, "Id of the store that images go to where nobody says otherwise."
    ] = None
    stores: Annotated[tuple[str, ...], "Types of stores, where enabled_backends is not set."] = (
        "file",
        "http",
    )
    default_store: Annotated[str, "The one of these that images go to."] = "file"


class OsGlanceStagingStore(Section):
    """Where uploads wait for their import, where enabled_backends is set."""

    filesystem_store_datadir: Annotated[
        Path | None, "Directory where uploads wait for their import.", Shown("<data>/staging")
    ] = None


class Store(Section):
    """What every store can be told, in the section named by its id."""

    store_description: Annotated[str, "What it is, for its users."] = ""
    weight: Annotated[int, "Preference for reading; the highest first."] = 0


class FileStore(Store):
    """A directory (type file)."""

    filesystem_store_datadir: Annotated[
        Path | None, "Directory of the images.", Shown("<data>/stores/<id>")
    ] = None
    filesystem_store_datadirs: Annotated[
        tuple[str, ...],
        "Several directories instead of one, as path or path:priority; the highest first.",
        MULTI,
    ] = ()
    filesystem_store_metadata_file: Annotated[
        str | None, "JSON file with what is added to the metadata of each location."
    ] = None
    filesystem_store_file_perm: Annotated[
        str,
        "Permissions of the files, octal; 0: as the process makes them.",
        Form(r"[0-7]{1,4}", "an octal mode"),
    ] = "0"
    filesystem_thin_provisioning: Annotated[
        bool, "Accepted for old files; runs of zeros always become holes."
    ] = True
    filesystem_store_sync: Annotated[
        bool, "Whether an image is on the disk, not only in memory, before it becomes active."
    ] = True


class HttpStore(Store):
    """Locations that are read from web servers (type http); read-only. What may be fetched from where, and how
    long that may take, is said in [import_filtering_opts] and [glimpse].
    """

    https_ca_certificates_file: Annotated[
        Path | None, "Certificates to trust, as a PEM file; without it, those that the system trusts."
    ] = None
    https_insecure: Annotated[
        bool,
        "Whether to take any certificate, so that nobody knows who answers; not with a file of certificates.",
    ] = False
    http_proxy_information: Annotated[
        Mapping[str, str], "Accepted for old files where it is empty: connections are always direct."
    ] = field(default_factory=dict)


DRIVERS: Mapping[str, type[Store]] = {"file": FileStore, "http": HttpStore}
# Drivers that nothing can be written with.
READ_ONLY = frozenset({"http"})
