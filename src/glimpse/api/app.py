"""The application: every room that a request needs, put together for one process."""

import asyncio
import os
import re
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from glimpse import __version__
from glimpse.access.key_manager import key_manager_of
from glimpse.access.limits import Limits
from glimpse.access.policy import Policy
from glimpse.access.protection import Protection
from glimpse.access.quotas import quotas_of
from glimpse.access.selection import authenticator_of
from glimpse.api import (
    actions,
    docs,
    errors,
    files,
    health,
    images,
    imports,
    info,
    locations,
    members,
    schemas,
    stage,
    tags,
    tasks,
)
from glimpse.api.context import Context
from glimpse.api.cors import Cors
from glimpse.api.customs import ImageSchema
from glimpse.api.gateway import Gateway
from glimpse.api.leases import Leases
from glimpse.api.transfers import Transfers
from glimpse.api.versions import Versions
from glimpse.api.views import ImageView
from glimpse.catalog import Catalog, Database
from glimpse.config import Settings
from glimpse.imports import jobs, plugins
from glimpse.imports.service import ImportService
from glimpse.staging.area import Area
from glimpse.staging.budget import ByteBudget
from glimpse.stores.registry import Stores

# Reading costs 0.15 to 1 ms, most of it under the interpreter's lock: with 8 threads a request took 490 us of
# CPU, with 2 to 4 threads 400. Writers mostly wait, for the disk and for each other.
READERS = 4
WRITERS = 8
# Disks and hashing: two cores are busy with four, and a slow store must not hold up the others.
FILE_THREADS = 16
# They only wait. More downloads than these from servers that stall wait for each other, and for nobody else.
REMOTE_THREADS = 64
# Verbs that HTTP and its registry know; others on unknown paths are not implemented rather than not found.
VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"})
WORDS = {
    404: "There is nothing here.",
    405: "This cannot be done here.",
    501: "This service does not know this method.",
}
# Old clients rely on these paths being not found, not wrongly used.
NEVER_405 = re.compile(r"/v2/(images/[^/]+/tasks|info/usage)")


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application for these settings. Raises GlimpseError where they cannot work."""
    context, close = _context(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context.leases.start()
        _at_signal(context.leases.stop_uploads)
        try:
            yield
        finally:
            await context.leases.stop()
            context.authentication.close()
            context.quotas.close()
            context.remote.shutdown(cancel_futures=True)
            context.files.shutdown(cancel_futures=True)
            context.readers.shutdown()
            context.writers.shutdown()
            close()

    app = FastAPI(
        title="Image API",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        # FastAPI's documentation pages load scripts from elsewhere; see docs.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Asking for each request whether somebody collects traces took 7 % of a small one.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.context = context
    # In the order of how often they are asked for: routes are tried one after the other. Included routers
    # would be looked through by a second, slower search.
    discovery = (info, schemas, health, docs)
    for resource in (images, files, stage, imports, members, tags, actions, locations, tasks, *discovery):
        app.router.routes.extend(resource.router.routes)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_middleware(
        Gateway,
        versions=context.versions,
        authentication=context.authentication,
        policy=context.policy,
        public_endpoint=settings.default.public_endpoint,
        longest_request_id=settings.default.max_request_id_length,
        longest_header=settings.default.max_header_line,
        believes_proxies=settings.oslo_middleware.enable_proxy_headers_parsing,
        transfers=Transfers(settings.glimpse.client_transfers) if settings.glimpse.client_transfers else None,
    )
    if any(rules.allowed_origin for rules in settings.origins):
        app.add_middleware(Cors, rules=settings.origins)
    return app


def _context(settings: Settings) -> tuple[Context, Callable[[], None]]:
    stores = Stores.from_settings(settings.stores, settings.default_store)
    stores.check()
    policy = Policy.of(settings)
    database = Database.open(settings.database)
    catalog = Catalog(database, task_time_to_live=settings.task.task_time_to_live)
    board = jobs.open_board(database)
    loaded = plugins.load(settings.image_import_opts.image_import_plugins, settings)

    def close() -> None:
        board.close()
        database.close()

    schema = ImageSchema.of(settings)
    buffers = settings.glimpse.upload_buffer_bytes
    context = Context(
        settings=settings,
        catalog=catalog,
        stores=stores,
        area=Area(settings.staging_dir),
        policy=policy,
        protection=Protection.of(settings, policy),
        keys=key_manager_of(settings),
        limits=Limits.of(settings),
        quotas=quotas_of(settings),
        imports=ImportService(settings, catalog, stores, policy, board, loaded),
        plugins=loaded,
        authentication=authenticator_of(settings),
        versions=Versions.of(multi_store=settings.multi_store, cache=False, imports=settings.import_enabled),
        view=ImageView(
            multi_store=settings.multi_store,
            show_locations=settings.default.show_multiple_locations,
            show_direct_url=settings.default.show_image_direct_url,
            weights={store.id: store.weight for store in settings.stores},
            schema=schema,
        ),
        schema=schema,
        budget=ByteBudget(buffers - buffers // 4),
        read_ahead=ByteBudget(buffers // 4),
        leases=Leases(
            catalog.uploads.renew_all,
            settings.glimpse.upload_lease,
            settings.default.client_socket_timeout,
        ),
        process=f"{socket.gethostname()}:{os.getpid()}",
        readers=ThreadPoolExecutor(READERS, thread_name_prefix="reader"),
        writers=ThreadPoolExecutor(WRITERS, thread_name_prefix="writer"),
        files=ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="files"),
        remote=ThreadPoolExecutor(REMOTE_THREADS, thread_name_prefix="remote"),
    )
    return context, close


def _at_signal(stop: Callable[[], None]) -> None:
    """Call ``stop``, on the event loop, when this process is told to end.

    The server waits for requests under way before it ends the application, and an upload may take hours. Its
    own handler is the event loop's; one of Python's runs beside it.
    """
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


async def _unrouted(request: Request, error: Exception) -> Response:
    """No operation for this path or this verb."""
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, {}
    if status == 405:
        if NEVER_405.fullmatch(request.scope["path"]):
            status = 404
        else:
            headers["allow"] = ", ".join(sorted(_verbs(request)))
    elif status == 404 and request.method not in VERBS:
        status = 501
    body, media_type = errors.render(
        status, WORDS.get(status, str(error.detail)), request.headers.get("accept")
    )
    return Response(body, status, headers, media_type=media_type)


def _verbs(request: Request) -> set[str]:
    found: set[str] = set()
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= route.methods or set()
    return found
