"""``vmdk_to_qcow2``: stores each vmdk as a qcow2, says so in a property, and leaves other images as they are."""

from glimpse.errors import Invalid


class VmdkToQcow2:
    name = "vmdk_to_qcow2"

    def __init__(self, settings):
        if "qcow2" not in settings.image_format.disk_formats:
            raise Invalid("[image_format] disk_formats does not allow qcow2.")

    def contribute(self, draft):
        if draft.disk_format == "vmdk":
            draft.planner.convert("vmdk", "qcow2")
            draft.disk_format, draft.container_format = "qcow2", "bare"

    def apply(self, run, rest):
        made = [element.target for element in run.plan.elements if hasattr(element, "target")]
        run.resources.catalog.imports.inject(run.id, run.claim, {"made_into": ",".join(made)})

    def undo(self, run):
        """The end of a failed import takes the property back."""
