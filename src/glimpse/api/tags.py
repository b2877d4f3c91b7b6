"""Tags of an image, one by one."""

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.target import image_target
from glimpse.api import jsonbody, schema
from glimpse.api.context import caller_of, context_of
from glimpse.api.images import empty, visible
from glimpse.api.operation import operations
from glimpse.catalog.records import Image

router = operations("tags")


@router.put("/v2/images/{image_id}/tags/{tag}", status_code=204)
async def add(request: Request, image_id: str, tag: str) -> Response:
    """Give the image a tag; one that it has already stays."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    schema.check("tag", tag, schema.TAG)
    image = await _changeable(request, image_id)
    await context.write(context.catalog.tags.add, image.id, tag, context.limits.check_tags)
    return empty(204)


@router.delete("/v2/images/{image_id}/tags/{tag}", status_code=204)
async def remove(request: Request, image_id: str, tag: str) -> Response:
    """Take a tag from the image."""
    context = context_of(request)
    jsonbody.refuse_body(request)
    image = await _changeable(request, image_id)
    schema.check("tag", tag, schema.TAG)
    await context.write(context.catalog.tags.remove, image.id, tag)
    return empty(204)


async def _changeable(request: Request, image_id: str) -> Image:
    image = await visible(request, image_id)
    context_of(request).policy.check("modify_image", caller_of(request), image_target(image))
    return image
