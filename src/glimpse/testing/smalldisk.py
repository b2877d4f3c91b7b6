"""A real, small file system, so that a full disk can be met in a test. No file is larger than it, nothing
is mocked.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(size: int, *, namespace: bool | None = None) -> Iterator[Path]:
    """A directory on a tmpfs of its own of ``size`` bytes (rounded up to pages); gone afterwards.

    Root mounts it. Anybody else mounts it in a user namespace of a helper process and reaches it through that
    process's root (``namespace`` chooses one way or the other). Raises RuntimeError, with the system's own words,
    where that is not allowed.
    """
    with tempfile.TemporaryDirectory(prefix="smalldisk-") as directory:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory]
        if os.geteuid() != 0 if namespace is None else namespace:
            with _in_namespace(mount) as root:
                yield root / directory.lstrip("/")
        else:
            with _mounted(mount):
                yield Path(directory)


@contextmanager
def _mounted(mount: list[str]) -> Iterator[None]:
    result = subprocess.run(mount, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"No small disk can be made here: {result.stderr}")
    try:
        yield
    finally:
        # Lazily, because a test that failed may have left a file open there.
        subprocess.run(["umount", "--lazy", mount[-1]], check=True)


@contextmanager
def _in_namespace(mount: list[str]) -> Iterator[Path]:
    script = f"{' '.join(mount)} && echo mounted && read -r end"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as helper:
        assert helper.stdin is not None
        assert helper.stdout is not None
        try:
            answer = helper.stdout.readline()
            if answer.strip() != "mounted":
                raise RuntimeError(f"No small disk can be made here: {answer}{helper.stdout.read()}")
            yield Path(f"/proc/{helper.pid}/root")
        finally:
            helper.stdin.close()
