"""``stamp_dies``: changes half of what it should and kills the conductor, the first time that it is run."""

import os
import signal
from pathlib import Path

from oslo_config import cfg
from taskflow import task

from stamping.settings import path_of, text, write_down


class Die(task.Task):
    def execute(self, file_path):
        with path_of(file_path).open("r+b") as image:
            image.write(text()[:2])
            image.flush()
            once = Path(cfg.CONF.stamping.once)
            if not once.exists():
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            image.write(text()[2:])
        write_down(plugin="dies", did="execute")

    def revert(self, result, **kwargs):
        write_down(plugin="dies", did="revert", result=type(result).__name__)


def get_flow(**kwargs):
    return Die(name="stamp-dies")
