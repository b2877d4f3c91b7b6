"""Actions on an image: withhold its data from users for a while, and give it back."""

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.target import image_target
from glimpse.api import jsonbody
from glimpse.api.context import caller_of, context_of
from glimpse.api.images import empty, visible
from glimpse.api.operation import operations
from glimpse.errors import Conflict, Forbidden

router = operations("actions")


@router.post("/v2/images/{image_id}/actions/deactivate", status_code=204)
async def deactivate(request: Request, image_id: str) -> Response:
    """From now on only administrators may download the data."""
    return await _move(request, image_id, "deactivate", "active", "deactivated")


@router.post("/v2/images/{image_id}/actions/reactivate", status_code=204)
async def reactivate(request: Request, image_id: str) -> Response:
    """Whoever sees the image may download its data again."""
    return await _move(request, image_id, "reactivate", "deactivated", "active")


async def _move(request: Request, image_id: str, rule: str, before: str, after: str) -> Response:
    """Change the status; an image that has the new one already is left alone."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    context.policy.check(rule, caller_of(request), image_target(image))
    if image.status != after:
        refusal = Forbidden(f"Image {image.id} is {image.status}; this needs one that is {before}.")
        if image.status != before:
            raise refusal
        try:
            await context.write(context.catalog.images.change_status, image.id, before, after)
        except Conflict as error:
            # Somebody else was faster: with the same wish, or with another.
            if (await visible(request, image_id)).status != after:
                raise refusal from error
    return empty(204)
