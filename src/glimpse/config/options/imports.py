"""What an import may fetch, and what is done with an image on its way."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from glimpse.config.declare import BYTES, NETWORK, Alias, Choices, Range, Section

Words = tuple[str, ...]
Networks = Annotated[tuple[str, ...], NETWORK]
Ports = tuple[Annotated[int, Range(1, 65535)], ...]

TARGETS = ("raw", "qcow2", "vmdk", "vdi", "vhd", "vpc")


class ImageImportOpts(Section):
    """What every import does."""

    image_import_plugins: Annotated[Words, "Plugins that see each imported image, in this order."] = ()
    max_parallel_stores: Annotated[
        int | None, "Most stores that one import writes to at once; without it, all of them.", Range(1)
    ] = None


class ImportFilteringOpts(Section):
    """Which URLs may be fetched. Where an allowed list has items, the disallowed one is not read, but for networks."""

    allowed_schemes: Annotated[Words, "Schemes that may be fetched."] = ("http", "https")
    disallowed_schemes: Annotated[Words, "Schemes that may not be fetched."] = ()
    allowed_hosts: Annotated[
        Words,
        "Hosts that may be fetched from; one named here may also be on this machine or a private network.",
    ] = ()
    disallowed_hosts: Annotated[Words, "Hosts that may not be fetched from."] = ()
    allowed_ports: Annotated[Ports, "Ports that may be fetched from."] = (80, 443)
    disallowed_ports: Annotated[Ports, "Ports that may not be fetched from."] = ()
    allowed_networks: Annotated[
        Networks,
        "Networks that may be connected to, whatever the host's name; one that lies within a range that is "
        "otherwise refused (loopback, 100.64.0.0/10 and so on) opens it.",
    ] = ()
    disallowed_networks: Annotated[
        Networks, "Networks that are never connected to, also where they are part of an allowed one."
    ] = ()
    allow_private_networks: Annotated[
        bool,
        "Whether private addresses (RFC 1918, fc00::/7) may be connected to; those of allowed_hosts and "
        "allowed_networks may in any case.",
    ] = True


class GlanceDownloadProperties(Section):
    """What glance-download takes over from the other service's image record."""

    extra_properties: Annotated[
        Words,
        "Beginnings of the names of properties to copy.",
        Alias("glance_download_opts", "extra_properties"),
    ] = ("hw_", "trait:", "os_distro", "os_secure_boot", "os_type")


class InjectMetadataProperties(Section):
    """Plugin inject_image_metadata: properties that every imported image gets."""

    ignore_user_roles: Annotated[Words, "Images of users with one of these roles get none."] = ("admin",)
    inject: Annotated[
        Mapping[str, str],
        "The properties, as name:value pairs; a value may hold further colons, in quotes also commas.",
    ] = field(default_factory=dict)


class ImageConversion(Section):
    """Plugin image_conversion: one disk format for all imported images."""

    output_format: Annotated[
        str, "The format that images are converted to; vpc is another name for vhd.", Choices(*TARGETS)
    ] = "raw"
    max_sparse_bytes: Annotated[
        int, "Most bytes of holes that a converted image may have.", BYTES, Range(0)
    ] = 256 << 30
