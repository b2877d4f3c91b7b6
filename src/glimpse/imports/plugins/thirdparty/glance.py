"""What to tell the author of a plugin that imports Glance's own modules, of which none is here."""

import re
import traceback
from collections.abc import Iterator

# By the beginning of the module's name.
INSTEAD = (
    ("glance.i18n", "write messages as plain strings"),
    ("glance.common.exception", "raise any exception; its text becomes the message of the import's task"),
    ("glance.common.scripts", "open the file that 'file_path' names"),
    ("glance.async_", "derive tasks from taskflow.task.Task, and run programs with subprocess"),
)
USUAL = "use taskflow, oslo_config and the keyword arguments of get_flow"

_IMPORT = re.compile(r"(?:from\s+(?P<package>glance[\w.]*)\s+)?import\s+(?P<name>[\w.]+)")


def advice(error: BaseException) -> tuple[str, str] | None:
    """The message and the hint, where ``error`` or what led to it is an import of Glance; else None."""
    for each in _chain(error):
        name = (each.name or "") if isinstance(each, ImportError) else ""
        if name == "glance" or name.startswith("glance."):
            wanted = _wanted(each, name)
            instead = next((text for begin, text in INSTEAD if wanted.startswith(begin)), USUAL)
            message = f"it imports {wanted}, and no module of Glance's is part of this service"
            return message, f"Change the plugin: {instead}."
    return None


def _wanted(error: BaseException, name: str) -> str:
    """The module that was asked for: Python itself names no more of it than the first part that is missing."""
    frames = traceback.extract_tb(error.__traceback__)
    found = _IMPORT.search(frames[-1].line or "") if frames else None
    if found is None:
        return name
    return ".".join(part for part in (found["package"], found["name"]) if part)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
