"""What every request of one api process works with."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar, cast

from starlette.requests import Request

from glimpse.access import signature
from glimpse.access.authenticator import Authenticator
from glimpse.access.caller import Caller
from glimpse.access.key_manager import KeyManager, certified
from glimpse.access.limits import Limits
from glimpse.access.policy import Policy
from glimpse.access.protection import Protection
from glimpse.access.protection_file import Operation
from glimpse.access.quotas import Quotas
from glimpse.access.signature import Signature
from glimpse.api.customs import ImageSchema
from glimpse.api.leases import Leases
from glimpse.api.versions import Versions
from glimpse.api.views import ImageView
from glimpse.catalog import Catalog
from glimpse.catalog.records import Viewer
from glimpse.config import Settings
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.service import ImportService
from glimpse.staging.area import Area
from glimpse.staging.budget import ByteBudget
from glimpse.stores.registry import Stores

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """The rooms below, configured, and this process's own means.

    Four pools of threads: ``readers`` and ``writers`` for short calls of the catalog, apart since a writer may
    wait for its turn, ``files`` for bytes, so that a slow disk keeps no listing waiting, and ``remote`` for what
    other servers may keep waiting for a minute. ``budget``
    bounds what uploads hold in memory, ``read_ahead`` what downloads do: apart, since a client that does not
    read its download must not hold up uploads. ``process`` is this process's name in leases.
    """

    settings: Settings
    catalog: Catalog
    stores: Stores
    area: Area
    policy: Policy
    protection: Protection | None
    keys: KeyManager
    limits: Limits
    quotas: Quotas
    imports: ImportService
    plugins: tuple[Plugin, ...]
    authentication: Authenticator
    versions: Versions
    view: ImageView
    schema: ImageSchema
    budget: ByteBudget
    read_ahead: ByteBudget
    leases: Leases
    process: str
    readers: ThreadPoolExecutor
    writers: ThreadPoolExecutor
    files: ThreadPoolExecutor
    remote: ThreadPoolExecutor

    def may(self, operation: Operation, name: str, caller: Caller) -> bool:
        """Whether the caller may do this with properties of images that have this name."""
        return self.protection is None or self.protection.may(operation, name, caller)

    def unreadable(self, names: Iterable[str], caller: Caller) -> Collection[str]:
        """Those of the properties of these names whose values the caller may not know."""
        return () if self.protection is None else self.protection.unreadable(names, caller)

    async def signature(self, properties: Mapping[str, str | None], caller: Caller) -> Signature | None:
        """How to verify data of an image with these properties; None where it is not signed.

        Raises BadSignature where no data could match, Unavailable where the key manager does not answer.
        """
        said = signature.said(properties)
        return None if said is None else await self.fetch(certified, said, self.keys, caller)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that reads from the catalog beside the event loop."""
        return await _beside(self.readers, partial(function, *args, **kwargs))

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that changes the catalog beside the event loop; it may wait for other writers."""
        return await _beside(self.writers, partial(function, *args, **kwargs))

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call that moves bytes beside the event loop."""
        return await _beside(self.files, partial(function, *args, **kwargs))

    async def fetch(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that waits for another server beside the event loop."""
        return await _beside(self.remote, partial(function, *args, **kwargs))


def _beside(pool: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
    """The work in a thread of the pool, where the log knows for which request it is."""
    return asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)


def context_of(request: Request) -> Context:
    """The context of the application that serves this request."""
    return cast(Context, request.app.state.context)


def caller_of(request: Request) -> Caller:
    """Who makes this request, as the gateway found out."""
    return cast(Caller, request.scope["glimpse.caller"])


def viewer_of(caller: Caller) -> Viewer:
    """What the caller may see."""
    return Viewer(caller.project_id, caller.is_admin)
