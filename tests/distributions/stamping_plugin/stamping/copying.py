"""``stamp_copy``: two tasks; the image with the text behind it is a new file, named by the first task."""

from taskflow import task
from taskflow.patterns import linear_flow

from stamping.settings import path_of, text, write_down


class Name(task.Task):
    default_provides = "stamped_path"

    def execute(self, file_path):
        return f"{file_path}.stamped"

    def revert(self, result, **kwargs):
        write_down(plugin="copy", did="revert name", result=result)


class Copy(task.Task):
    default_provides = "file_path"

    def execute(self, file_path, stamped_path):
        data = path_of(file_path).read_bytes()
        path_of(stamped_path).write_bytes(data + text())
        write_down(plugin="copy", did="execute")
        return stamped_path

    def revert(self, result, **kwargs):
        write_down(plugin="copy", did="revert copy", result=result)
        if isinstance(result, str):
            path_of(result).unlink(missing_ok=True)


def get_flow(**kwargs):
    flow = linear_flow.Flow("stamp-copy")
    flow.add(Name(name="stamp-name"), Copy(name="stamp-copy"))
    return flow
