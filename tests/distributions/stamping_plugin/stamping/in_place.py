"""``stamp_in_place``: writes the text over the beginning of the image."""

from taskflow import task
from taskflow.patterns import linear_flow

from stamping.settings import path_of, text, write_down


class Stamp(task.Task):
    def __init__(self, image_id):
        super().__init__(name=f"stamp-in-place-{image_id}")
        self.image_id = image_id

    def execute(self, file_path):
        with path_of(file_path).open("r+b") as image:
            image.write(text())
        write_down(plugin="in_place", did="execute", image=self.image_id)

    def revert(self, result, **kwargs):
        write_down(plugin="in_place", did="revert", result=result, failures=sorted(kwargs["flow_failures"]))


def get_flow(**kwargs):
    return linear_flow.Flow("stamp-in-place").add(Stamp(kwargs["image_id"]))
