"""Many processes that do something to one database at the same moment."""

import subprocess
import sys
from pathlib import Path

from tests.unit.catalog import writers


def run_together(count: int, *arguments: str) -> list[str]:
    """Start ``count`` processes of ``writers.py``, let them go at once, wait; what each said, and how it ended."""
    command = [sys.executable, str(Path(writers.__file__)), *arguments]
    processes = [
        subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=90)[0] + f"exit {process.returncode}" for process in processes]
