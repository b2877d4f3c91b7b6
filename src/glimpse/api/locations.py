"""Locations of an image: where its data is, as other services see and change it."""

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.target import image_target
from glimpse.api import jsonbody, schema
from glimpse.api.context import Context, caller_of, context_of
from glimpse.api.images import empty, permitted, visible
from glimpse.api.jsonbody import answer
from glimpse.api.locating import MAX_URL, check_hash, remove_objects
from glimpse.api.operation import operations
from glimpse.errors import Conflict, Forbidden, Invalid, NotFound
from glimpse.imports.addresses import scheme, store_for

router = operations("locations")

# Whoever acts for another service may give addresses that users may not.
SERVICE = "service"
WEB = frozenset({"http", "https"})


@router.get("/v2/images/{image_id}/locations")
async def list_locations(request: Request, image_id: str) -> Response:
    """Where the data is; for other services."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    image = await permitted(request, image_id, "fetch_image_location")
    return answer(context.view.locations(image))


@router.post("/v2/images/{image_id}/locations", status_code=202)
async def add_location(request: Request, image_id: str) -> Response:
    """Give a queued image data that lies somewhere already; it goes on after the answer."""
    context, caller = context_of(request), caller_of(request)
    body = await jsonbody.read_object(request)
    url, data = body.get("url"), body.get("validation_data")
    if not isinstance(url, str) or not url:
        raise Invalid("The body needs a 'url', a string that is not empty.")
    schema.check("url", url, {"maxLength": MAX_URL})
    if data is not None:
        if not isinstance(data, dict):
            raise Invalid("validation_data must be an object.")
        # glanceclient sends an empty object where nothing is known.
        if data:
            check_hash(data)
    image = await permitted(request, image_id, "add_image_location")
    if SERVICE not in caller.roles | caller.service_roles and not _reads_web(context, url):
        raise Forbidden("Only http and https addresses can be given, and only where a store reads them.")
    if image.status != "queued":
        raise Conflict(f"Image {image.id} is {image.status}; this needs one that is queued.")
    store = await context.fetch(store_for, context.stores, url)
    quota = await context.quotas.of(image.owner)
    signature = await context.signature(image.properties, caller)
    await context.write(context.imports.register, image, store.id, url, data, caller, signature, quota=quota)
    return empty(202)


@router.delete("/v2/stores/{store_id}/{image_id}", status_code=204)
async def delete_from_store(request: Request, store_id: str, image_id: str) -> Response:
    """Remove the copy in one store; the image keeps the others."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    if not context.settings.multi_store:
        raise NotFound("This service has a single store.")
    if store_id not in context.stores:
        raise Conflict(f"There is no store {store_id[:100]!r}.")
    image = await visible(request, image_id)
    for rule in ("get_image_location", "delete_image_location"):
        context.policy.check(rule, caller, image_target(image))
    gone = await context.write(context.catalog.locations.remove_from_store, image.id, store_id)
    await context.work(remove_objects, context, image, [gone])
    return empty(204)


def _reads_web(context: Context, url: str) -> bool:
    return scheme(url) in WEB and any(store.type == "http" for store in context.stores.all)
