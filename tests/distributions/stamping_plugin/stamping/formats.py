"""``stamp_format``: makes a qcow2 of whatever raw image comes, and says so."""

import subprocess

from taskflow import task

from stamping.settings import path_of


class Format(task.Task):
    default_provides = "file_path"

    def __init__(self, action_wrapper):
        super().__init__(name="stamp-format")
        self.action_wrapper = action_wrapper

    def execute(self, file_path):
        source, target = path_of(file_path), path_of(f"{file_path}.qcow2")
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", source, target], check=True)
        with self.action_wrapper as action:
            action.set_image_attribute(disk_format="qcow2", container_format="bare")
        return f"file://{target}"


def get_flow(action_wrapper, **kwargs):
    return Format(action_wrapper)
