"""What a worker process of the HTTP server runs; imported there only, which keeps the server small."""

import signal
from typing import TYPE_CHECKING

from glimpse.api.environment import settings_of_environment
from glimpse.api.server import die_with_parent

if TYPE_CHECKING:
    from fastapi import FastAPI


def application() -> "FastAPI":
    """The application for the settings that the environment names."""
    # A forked worker has the server's handlers, which would swallow a stop that comes while it loads (1 to 2 s;
    # the server then waits ten seconds before it kills). The event loop sets its own later.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    from glimpse.api.app import create_app
    from glimpse.api.listener import give_up_stalled_clients

    settings = settings_of_environment()
    if settings.default.client_socket_timeout:
        give_up_stalled_clients(settings.default.bind_port, settings.default.client_socket_timeout)
    return create_app(settings)
