"""``stamp_fails``: raises; and a get_flow that does."""

from taskflow import task

from stamping.settings import write_down


class Fail(task.Task):
    def execute(self, file_path):
        raise RuntimeError("the stamp is out of ink")

    def revert(self, result, **kwargs):
        write_down(plugin="fails", did="revert", result=type(result).__name__)


def get_flow(**kwargs):
    return Fail(name="stamp-fails")


def no_flow(**kwargs):
    raise ValueError("there is no stamp for this image")
