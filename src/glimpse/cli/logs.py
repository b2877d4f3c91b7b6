"""Where the messages of the service's processes go, and in what form."""

import json
import logging
import sys
import threading
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from glimpse.access import redact
from glimpse.api.request_ids import CURRENT
from glimpse.errors import Invalid

if TYPE_CHECKING:
    from glimpse.config import Settings

FORM = "%(asctime)s %(process)d %(levelname)s %(name)s: %(request)s%(message)s"


class LineFormatter(logging.Formatter):
    """A line, and those of an exception after it; without secrets, whoever has logged it."""

    def __init__(self) -> None:
        super().__init__(FORM)

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, with the request that it is about in brackets."""
        request = CURRENT.get()
        record.request = f"[{request}] " if request else ""
        return redact.text(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line; without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; ``request`` and ``exception`` only where there is one."""
        said: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "process": record.process,
            "level": record.levelname,
            "name": record.name,
            "message": redact.text(record.getMessage()),
        }
        if request := CURRENT.get():
            said["request"] = request
        if record.exc_info:
            said["exception"] = redact.text(self.formatException(record.exc_info))
        return json.dumps(said)


def configure(settings: "Settings") -> None:
    """Set up logging for this process and those it forks, as ``[DEFAULT]`` says.

    Ours is told from INFO on, with ``debug`` everything; libraries from WARNING, with ``debug`` from INFO. A log
    file may be moved away by a rotator. Raises :class:`glimpse.errors.Invalid` if it cannot be written.
    """
    default = settings.default
    handlers: list[logging.Handler] = []
    if default.log_file:
        path = Path(default.log_dir or "") / default.log_file
        try:
            handlers.append(WatchedFileHandler(path))
        except OSError as error:
            raise Invalid(f"[DEFAULT] log_file: {path} cannot be written ({error.strerror})") from error
    if default.use_stderr or not handlers:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(JsonFormatter() if default.use_json else LineFormatter())
    logging.basicConfig(
        level=logging.INFO if default.debug else logging.WARNING, handlers=handlers, force=True
    )
    # What nobody has caught would be written as it is.
    sys.excepthook = _tell
    threading.excepthook = lambda died: _tell(died.exc_type, died.exc_value, died.exc_traceback)
    logging.getLogger("glimpse").setLevel(logging.DEBUG if default.debug else logging.INFO)


def _tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Log what has ended this process or one of its threads, unless it was meant to."""
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        logging.critical("Nobody has caught this.", exc_info=(kind, error or kind(), trace))
