"""Which images there may be, and how unsafe ones are told."""

from typing import Annotated

from glimpse.config.declare import Alias, Choices, Form, Section

Formats = Annotated[tuple[str, ...], Form(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", "the name of a format")]


class ImageFormat(Section):
    """Formats that images may have, and the inspection of what they hold."""

    container_formats: Annotated[
        Formats, "Container formats that images may have.", Alias("DEFAULT", "container_formats")
    ] = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
    disk_formats: Annotated[
        Formats, "Disk formats that images may have.", Alias("DEFAULT", "disk_formats")
    ] = (
        "ami",
        "ari",
        "aki",
        "vhd",
        "vhdx",
        "vmdk",
        "raw",
        "qcow2",
        "vdi",
        "iso",
        "ploop",
    )
    vmdk_allowed_types: Annotated[tuple[str, ...], "Kinds of VMDK (create types) that may be converted."] = (
        "streamOptimized",
        "monolithicSparse",
    )
    require_image_format_match: Annotated[
        bool, "Whether data that is not of the declared format is refused."
    ] = True
    gpt_safety_checks_nonfatal: Annotated[
        tuple[str, ...], "Checks of partition tables that only warn.", Choices("mbr", "gptmbr", "gpt")
    ] = ()
