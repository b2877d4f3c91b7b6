"""The HTTP server: granian with one or several workers, each an application of its own."""

import ctypes
import logging
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Mapping

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from glimpse.api import tls
from glimpse.api.address import listen_address
from glimpse.api.environment import publish, settings_of_environment
from glimpse.config import Settings
from glimpse.errors import GlimpseError

LOG = logging.getLogger(__name__)

# Connections that one worker serves at a time. A trickling upload costs about 30 KiB; the byte budget bounds
# the rest.
CONNECTIONS = 16_384
# Seconds that a worker may take to end once it is told to; uploads are cut off, answers under way are
# finished.
GRACE_SECONDS = 10
# What the server reads ahead of the application, for each connection.
READ_AHEAD = 256 * 1024

# What the server itself has to say goes where the service's own messages go, in their form and without secrets.
LOGGING: dict[str, object] = {"loggers": {"_granian": {"propagate": True}}}

_PR_SET_PDEATHSIG = 1


def run(settings: Settings, source: Mapping[str, object] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; returns after a clean stop. ``source``: what the workers load their
    settings from.
    """
    if source is not None:
        publish(source)
    _allow_files()
    default = settings.default
    files = tls.of(default)
    server = Granian(
        "glimpse.api.worker:application",
        address=listen_address(default.bind_host),
        port=default.bind_port,
        interface=Interfaces.ASGI,
        # Nobody's client of this API speaks HTTP/2, and to find out whether one does, the server would wait for
        # its first bytes without any limit of time.
        http=HTTPModes.http1,
        factory=True,
        workers=max(1, default.workers),
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
        loop=Loops.uvloop,
        websockets=False,
        backlog=4096,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(
            max_buffer_size=READ_AHEAD,
            header_read_timeout=round(settings.glimpse.client_request_timeout * 1000),
        ),
        ssl_cert=None if files is None else files.certificate,
        ssl_key=None if files is None else files.key,
        ssl_protocol_min=SSLProtocols(f"tls{default.tls_minimum_version}"),
        ssl_ca=None if files is None else files.authorities,
        ssl_client_verify=files is not None and files.authorities is not None,
        # At level info the server tells of every client that goes away early.
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        log_access=False,
    )
    server.on_startup(lambda: _reload_what_works(server.signal_handler_reload))
    server.serve()


def _reload_what_works(start_anew: Callable[[], None]) -> None:
    """On SIGHUP workers are started anew, with new certificates; but not with such as would keep them from it."""

    def reload(*_: object) -> None:
        try:
            tls.of(settings_of_environment().default)
        except GlimpseError as error:
            LOG.error("Nothing is reloaded: %s %s", error.message, error.hint)
            return
        start_anew()

    signal.signal(signal.SIGHUP, reload)


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
