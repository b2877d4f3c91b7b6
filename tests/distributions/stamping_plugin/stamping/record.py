"""``stamp_record``: changes the image's record in both ways that there are, and tries what must not work."""

from taskflow import task

from stamping.settings import write_down


class Record(task.Task):
    def __init__(self, context, task_id, task_type, image_repo, action_wrapper, backend, import_req):
        super().__init__(name=f"stamp-record-{task_id}")
        self.context = context
        self.image_repo = image_repo
        self.action_wrapper = action_wrapper
        self.known = {"task_type": task_type, "backend": backend, "method": import_req["method"]["name"]}

    def execute(self):
        image_id = self.action_wrapper.image_id
        with self.action_wrapper as action:
            self.known["seen"] = [
                action.image_status,
                action.image_disk_format,
                action.image_container_format,
            ]
            self.known["size"] = action.image_size
            action.set_image_extra_properties({"stamped_by": "wrapper", "os_glance_stamp": "never"})
            action.pop_extra_property("unwanted")
        image = self.image_repo.get(image_id)
        self.known["after"] = image.extra_properties.get("stamped_by")
        image.extra_properties["stamped_for"] = self.context.project_id
        image.extra_properties["os_glance_importing_to_stores"] = ""
        image.min_ram = 64
        image.tags.add("stamped")
        image.status = "active"
        self.image_repo.save(image)
        try:
            with self.action_wrapper as action:
                action.set_image_extra_properties({"stamped_by": "nobody"})
                action.set_image_attribute(checksum="0")
        except AttributeError as error:
            self.known["refused"] = str(error)
        self.known["roles"] = sorted(self.context.roles)
        write_down(plugin="record", **self.known)

    def revert(self, result, **kwargs):
        with self.action_wrapper as action:
            action.pop_extra_property("stamped_by")
            action.set_image_attribute(status="queued")
            action.add_failed_stores(["main"])
        write_down(plugin="record", did="revert")


def get_flow(**kwargs):
    wanted = ("context", "task_id", "task_type", "image_repo", "action_wrapper", "backend", "import_req")
    return Record(**{name: kwargs[name] for name in wanted})
