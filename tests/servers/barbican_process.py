"""Runs a Barbican in one process: ``python barbican_process.py DIRECTORY PORT``. The first time it makes its tables."""

import os
import sys
from pathlib import Path

# Instead of this file's own directory, in which barbican would be something else.
sys.path[0] = str(Path(__file__).parents[2])

from tests.servers.keystone_process import Handler, Server  # noqa: E402


def main(directory: Path, port: int) -> None:
    # Each of its modules reads the configuration anew, from where it always is.
    os.environ["HOME"] = str(directory)
    from barbican.api import app
    from barbican.api.middleware.context import ContextMiddleware
    from barbican.api.middleware.microversion import MicroversionMiddleware
    from barbican.common import config
    from barbican.model.migration import commands
    from keystonemiddleware import auth_token

    if not (directory / "barbican.db").exists():
        commands.upgrade(sql_url=config.CONF.database.connection)
    # What its published configuration puts around it.
    application = MicroversionMiddleware(app.create_main_app({}))
    application = auth_token.AuthProtocol(ContextMiddleware(application), {"oslo_config_config": config.CONF})

    def below_v1(environ, start_response):  # type: ignore[no-untyped-def]
        """Everything is asked for below ``/v1``, or it is the list of versions."""
        if not environ["PATH_INFO"].startswith("/v1"):
            return versions(environ, start_response)
        environ["SCRIPT_NAME"] += "/v1"
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/v1")
        return application(environ, start_response)

    versions = app.create_version_app({})
    server = Server(("127.0.0.1", port), Handler)
    server.set_app(below_v1)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
