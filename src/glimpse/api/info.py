"""Discovery: what this service can do."""

from starlette.requests import Request
from starlette.responses import Response

from glimpse.api import jsonbody
from glimpse.api.context import Context, context_of
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.errors import NotFound
from glimpse.stores.base import Store

router = operations("discovery")


@router.get("/v2/info/import")
async def import_methods(request: Request) -> Response:
    """The import methods that are enabled, in the order of the configuration."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    check_imports(context)
    methods = list(context.settings.default.enabled_import_methods)
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


def check_imports(context: Context) -> None:
    """Raise NotFound where the configuration forbids imports."""
    if not context.settings.import_enabled:
        raise NotFound("Image import is disabled here.")


def _store(store: Store, context: Context) -> dict[str, str]:
    shown = {"id": store.id}
    if store.description:
        shown["description"] = store.description
    if store.id == context.settings.default_store:
        shown["default"] = "true"
    if store.read_only:
        shown["read-only"] = "true"
    return shown
