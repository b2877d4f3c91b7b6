"""Discovery: what this service can do."""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.quota import UNITS
from glimpse.api import jsonbody
from glimpse.api.context import Context, caller_of, context_of
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.config.settings import StoreSettings
from glimpse.errors import NotFound
from glimpse.imports.methods import offered
from glimpse.stores.base import Store
from glimpse.stores.file.disk import WRITE_BYTES

router = operations("discovery")

# What an administrator is told of each kind of store: under which name, and by which option.
DETAILS: Mapping[str, Mapping[str, str]] = {
    "file": {
        "data_dir": "filesystem_store_datadir",
        "chunk_size": "filesystem_store_chunk_size",
        "thin_provisioning": "filesystem_thin_provisioning",
    },
    "rbd": {
        "chunk_size": "rbd_store_chunk_size",
        "pool": "rbd_store_pool",
        "thin_provisioning": "rbd_thin_provisioning",
    },
    "cinder": {"volume_type": "cinder_volume_type", "use_multipath": "cinder_use_multipath"},
    "swift": {
        "container": "swift_store_container",
        "large_object_size": "swift_store_large_object_size",
        "large_object_chunk_size": "swift_store_large_object_chunk_size",
    },
    "s3": {
        "s3_store_large_object_size": "s3_store_large_object_size",
        "s3_store_large_object_chunk_size": "s3_store_large_object_chunk_size",
        "s3_store_thread_pools": "s3_store_thread_pools",
    },
}
# Options of which the driver leaves no choice.
FIXED: Mapping[str, object] = {"filesystem_store_chunk_size": WRITE_BYTES}


@router.get("/v2/info/import")
async def import_methods(request: Request) -> Response:
    """The import methods that are enabled, in the order of the configuration."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    check_imports(context)
    methods = list(offered(context.settings))
    return answer(
        {"import-methods": {"description": "Import methods available.", "type": "array", "value": methods}}
    )


@router.get("/v2/info/stores")
async def stores(request: Request) -> Response:
    """The stores. With a single one there is nothing to choose, and no such page."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    if not context.settings.multi_store:
        raise NotFound("This service has a single store.")
    by_id = {store.id: store for store in context.stores.all}
    return answer({"stores": [_store(by_id[each.id], context) for each in context.settings.stores]})


@router.get("/v2/info/stores/detail")
async def stores_in_detail(request: Request) -> Response:
    """The stores with what an administrator wants to know of them: kind, weight, how they are set up."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    if not context.settings.multi_store:
        raise NotFound("This service has a single store.")
    context.policy.check("stores_info_detail", caller_of(request), {})
    by_id = {store.id: store for store in context.stores.all}
    return answer(
        {"stores": [_store(by_id[each.id], context) | _detail(each) for each in context.settings.stores]}
    )


@router.get("/v2/info/usage")
async def usage(request: Request) -> Response:
    """How much of each limit the caller's project uses: nothing is limited unless unified limits are on."""
    context, project = context_of(request), caller_of(request).project_id
    jsonbody.refuse_body(request)
    limits = await context.quotas.shown(project)
    if not limits:
        return answer({"usage": {}})
    used = await context.read(context.catalog.usages.of, project)
    return answer(
        {
            "usage": {
                name: {"usage": getattr(used, name) // unit, "limit": limits[name]}
                for name, unit in UNITS.items()
            }
        }
    )


def check_imports(context: Context) -> None:
    """Raise NotFound where the configuration forbids imports."""
    if not context.settings.import_enabled:
        raise NotFound("Image import is disabled here.")


def _detail(store: StoreSettings) -> dict[str, object]:
    options = {**FIXED, **store.options}
    return {
        "type": store.type,
        "weight": store.weight,
        "properties": {
            name: _plain(options[option])
            for name, option in DETAILS.get(store.type, {}).items()
            if option in options
        },
    }


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _store(store: Store, context: Context) -> dict[str, object]:
    shown: dict[str, object] = {"id": store.id}
    if store.description:
        shown["description"] = store.description
    if store.id == context.settings.default_store:
        shown["default"] = "true"
    if store.read_only:
        shown["read-only"] = "true"
    return shown
