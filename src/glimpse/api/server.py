"""The HTTP server: granian with one or several workers, each an application of its own."""

import ctypes
import multiprocessing
import os
import resource
import signal
from collections.abc import Mapping

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from glimpse.api.address import listen_address
from glimpse.api.environment import publish
from glimpse.config import Settings

# Connections that one worker serves at a time. A trickling upload costs about 30 KiB; the byte budget bounds
# the rest.
CONNECTIONS = 16_384
# Seconds that a worker may take to end once it is told to; uploads are cut off, answers under way are
# finished.
GRACE_SECONDS = 10
# What the server reads ahead of the application, for each connection.
READ_AHEAD = 256 * 1024

_PR_SET_PDEATHSIG = 1


def run(settings: Settings, source: Mapping[str, object] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; returns after a clean stop. ``source``: what the workers load their
    settings from.
    """
    if source is not None:
        publish(source)
    _allow_files()
    default = settings.default
    Granian(
        "glimpse.api.worker:application",
        address=listen_address(default.bind_host),
        port=default.bind_port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=max(1, default.workers),
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
        loop=Loops.uvloop,
        websockets=False,
        backlog=4096,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(max_buffer_size=READ_AHEAD),
        # At level info the server tells of every client that goes away early.
        log_level=LogLevels.warning,
        log_access=False,
    ).serve()


def _allow_files() -> None:
    """An upload needs a socket and a file; the usual soft limit of 1,024 would end at 500 of them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 2 * CONNECTIONS + 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def die_with_parent() -> None:
    """A worker whose server was killed must not go on listening beside the next one."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        os.kill(os.getpid(), signal.SIGTERM)
