"""Runs a Keystone in one process: ``python keystone_process.py DIRECTORY PORT``.

The first time it makes keys, tables, the administrator and the people; all that in forks of a process that has
imported Keystone once, since each start of ``keystone-manage`` would cost two seconds.
"""

import base64
import os
import socketserver
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from wsgiref import simple_server

# Instead of this file's own directory, in which keystone would be something else.
sys.path[0] = str(Path(__file__).parents[2])

from tests.servers.identity import PEOPLE, Identity, password  # noqa: E402

REGION = "one"


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Without the look-up of this machine's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()


class Handler(simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Who asked what is of no interest."""


def in_fork(work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        sys.exit("this Keystone could not be set up")


def manage(directory: Path, *words: str) -> None:
    from keystone.cmd import manage

    sys.argv = ["keystone-manage", "--config-file", str(directory / "keystone.conf"), *words]
    manage.main()


def set_up(directory: Path, url: str) -> None:
    for repository in ("fernet", "credential"):
        (directory / repository).mkdir(mode=0o700)
        for key in ("0", "1"):
            path = directory / repository / key
            path.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
            path.chmod(0o600)
    import keystone.cmd.manage  # noqa: F401  once, for both forks

    in_fork(lambda: manage(directory, "db_sync"))
    with closing(sqlite3.connect(directory / "keystone.db")) as database:
        # Kept in the file. Otherwise who reads while a test writes is answered 500.
        database.execute("PRAGMA journal_mode=WAL")
    everywhere = [f"--bootstrap-{interface}-url" for interface in ("public", "internal", "admin")]
    words = [word for option in everywhere for word in (option, url)]
    words += ["--bootstrap-password", password("admin"), "--bootstrap-region-id", REGION]
    in_fork(lambda: manage(directory, "bootstrap", *words))


def populate(url: str) -> None:
    admin = Identity(url).as_user("admin")
    roles = {role["name"]: role["id"] for role in admin.call("GET", "/roles")[1]["roles"]}
    projects = {}
    for name in sorted({project for project, _ in PEOPLE.values()}):
        made = admin.call("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})[1]
        projects[name] = made["project"]["id"]
    for name, (project, granted) in PEOPLE.items():
        user = {"name": name, "password": password(name), "domain_id": "default"}
        made = admin.call("POST", "/users", {"user": user})[1]["user"]["id"]
        for role in granted:
            admin.call("PUT", f"/projects/{projects[project]}/users/{made}/roles/{roles[role]}")
    admin.call("POST", "/services", {"service": {"type": "image", "name": "glance"}})


def main(directory: Path, port: int) -> None:
    url = f"http://127.0.0.1:{port}/v3"
    ready = directory / "ready"
    if not ready.exists():
        set_up(directory, url)
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(directory / "keystone.conf")
    sys.argv = ["keystone"]
    from keystone.server.wsgi import initialize_public_application

    application = initialize_public_application()
    if not ready.exists():
        # On a port that nobody knows yet, so that whoever waits for this Keystone finds its people.
        server = Server(("127.0.0.1", 0), Handler)
        server.set_app(application)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        populate(f"http://127.0.0.1:{server.server_port}/v3")
        server.shutdown()
        server.server_close()
        ready.touch()
    server = Server(("127.0.0.1", port), Handler)
    server.set_app(application)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
