"""Images: create, list, show, update, delete."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access import signature
from glimpse.access.caller import Caller
from glimpse.access.target import image_target, new_image_target, project_target
from glimpse.api import creating, jsonbody, jsonpatch, locating, paging, patching
from glimpse.api.context import Context, caller_of, context_of, viewer_of
from glimpse.api.gateway import base_url
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.api.removal import remove_data
from glimpse.api.schema import UUID
from glimpse.catalog.changes import Change, Judge
from glimpse.catalog.conditions import COLUMNS
from glimpse.catalog.records import RESERVED_PREFIX, Image, NewImage
from glimpse.errors import Conflict, Forbidden, NotFound
from glimpse.imports.methods import offered

router = operations("images")

# Raises where an image may not have properties of all these names.
CheckNames: TypeAlias = Callable[[Collection[str]], None]


def unchecked(names: Collection[str]) -> None:
    """They may stay."""


@router.post("/v2/images", status_code=201)
async def create(request: Request) -> Response:
    """Make an image without data."""
    context, caller = context_of(request), caller_of(request)
    body = await jsonbody.read_object(request)
    wanted = creating.new_image(body, context.schema, caller)
    check_new(context, caller, wanted)
    quota = await context.quotas.of(wanted.owner)
    image = await context.write(context.catalog.images.create, wanted, quota.creation())
    return answer(shown(context, caller, image), 201, _created(context, request, image))


@router.get("/v2/images")
async def list_images(request: Request) -> Response:
    """A page of the images that the caller may see."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    pairs = paging.parameters(request.scope["query_string"])
    default = context.settings.default
    query = paging.query(pairs, default_limit=default.limit_param_default, longest=default.api_limit_max)
    context.policy.check("get_images", caller, project_target(caller.project_id))
    if not all(name in COLUMNS or _findable(context, name, caller) for name in query.filters):
        # Nobody may find out a value by asking for it.
        query = replace(query, limit=0)
    page = await context.read(context.catalog.images.list, query, viewer_of(caller))
    allowed = [
        image for image in page.images if context.policy.allows("get_image", caller, image_target(image))
    ]
    more = page.more and allowed
    return answer(
        {
            "images": [shown(context, caller, image) for image in allowed],
            **_in_order(paging.links(pairs, page.images[-1].id if more else None)),
        }
    )


@router.get("/v2/images/{image_id}")
async def show(request: Request, image_id: str) -> Response:
    """One image."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    return answer(shown(context, caller, await visible(request, image_id)))


@router.patch("/v2/images/{image_id}")
async def update(request: Request, image_id: str) -> Response:
    """Change what the changes name and nothing else."""
    context, caller = context_of(request), caller_of(request)
    parse = jsonpatch.parser(request.headers.get("content-type"))
    changes = parse(jsonbody.parse(await jsonbody.read(request)))
    patching.check_changes(
        changes, context.schema, locations=context.settings.default.show_multiple_locations
    )
    image = await visible(request, image_id)
    if not changes:
        return answer(shown(context, caller, image))
    target = image_target(image)
    context.policy.check("modify_image", caller, target)

    def edited(present: Collection[str]) -> patching.Edit:
        return patching.edit(
            image, changes, caller, lambda what, name: context.may(what, name, caller), present
        )

    edit = edited(image.properties)
    visibility = edit.attributes.get("visibility")
    if isinstance(visibility, str):
        _check_visibility(context, caller, visibility, target)
    if edit.tags is not None:
        context.limits.check_tags(edit.tags)
    # Who adds none may go on with more than are allowed now.
    adds = not edit.properties.keys() <= image.properties.keys()
    check = context.limits.check_properties if adds else unchecked
    if edit.locations:
        changed = await _change_locations(context, caller, image, edit, edited, check)
    else:
        changed = await context.write(
            context.catalog.images.update,
            image.id,
            set=edit.attributes,
            properties=edit.properties,
            remove_properties=edit.removed,
            tags=edit.tags,
            # Once more: somebody may have created meanwhile what this caller may not update.
            judge=edited,
            check_properties=check,
        )
    return answer(shown(context, caller, changed))


@router.delete("/v2/images/{image_id}", status_code=204)
async def delete(request: Request, image_id: str) -> Response:
    """Remove an image and its data; what writes to it at the moment is told to stop."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    context.policy.check("delete_image", caller, image_target(image))
    if image.protected:
        raise Forbidden(f"Image {image.id} is protected.", hint="Set protected to false first.")
    deleted = await context.write(context.catalog.images.delete, image.id, viewer_of(caller))
    await context.work(remove_data, context.stores, context.area, deleted)
    return empty(204)


async def visible(request: Request, image_id: str) -> Image:
    """The image, if the caller may see it. Raises NotFound: who may not see it must not learn that it is
    there.
    """
    image = await _found(request, image_id)
    _check_visible(request, image)
    return image


async def permitted(request: Request, image_id: str, rule: str) -> Image:
    """The image, if the caller may do this with it, also one whose roles do not let it see images, as a service's.
    Raises NotFound where the caller may not see it either, and Forbidden.
    """
    policy, caller = context_of(request).policy, caller_of(request)
    image = await _found(request, image_id)
    if not policy.allows(rule, caller, image_target(image)):
        _check_visible(request, image)
        policy.check(rule, caller, image_target(image))
    return image


def check_new(context: Context, caller: Caller, wanted: NewImage) -> None:
    """Raise Forbidden or TooLarge unless the caller may make this image."""
    target = new_image_target(wanted)
    if not context.policy.allows("add_image", caller, target):
        if wanted.owner != caller.project_id:
            raise Forbidden("You are not allowed to create images for another project.")
        raise Forbidden("You are not allowed to create images.")
    for name in wanted.properties:
        if not context.may("create", name, caller):
            raise Forbidden(f"The property {name[:100]} is protected.")
    _check_visibility(context, caller, wanted.visibility, target)
    context.limits.check_tags(wanted.tags)
    context.limits.check_properties(wanted.properties)


def shown(context: Context, caller: Caller, image: Image) -> dict[str, object]:
    """The image as the caller sees it."""
    unreadable = context.unreadable(image.properties, caller)
    return context.view.render(image, admin=caller.is_admin, unreadable=unreadable)


def _findable(context: Context, name: str, caller: Caller) -> bool:
    """Whether images can be found by this property. How an import is going is none that belongs to an image."""
    return not name.startswith(RESERVED_PREFIX) and context.may("read", name, caller)


def empty(status: int) -> Response:
    """An answer without a body, as clients have always seen it."""
    return Response(None, status, {"content-type": "text/html; charset=UTF-8"})


def _check_visible(request: Request, image: Image) -> None:
    if not context_of(request).policy.allows("get_image", caller_of(request), image_target(image)):
        raise NotFound(f"There is no image {image.id}.")


async def _found(request: Request, image_id: str) -> Image:
    """The image, unless it is kept from the caller's project; what roles may is not asked."""
    context = context_of(request)
    if UUID.match(image_id) is None:
        raise NotFound(f"There is no image {image_id[:100]}.")
    return await context.read(context.catalog.images.get, image_id, viewer_of(caller_of(request)))


async def _change_locations(
    context: Context, caller: Caller, image: Image, edit: patching.Edit, judge: Judge, check: CheckNames
) -> Image:
    """Make the whole edit, or nothing of it. What is removed goes from its store afterwards."""
    locating.check_allowed(context, caller, image, edit.locations)
    if image.status == "queued" and signature.said({**image.properties, **edit.properties}) is not None:
        raise Conflict(
            "An image that is signed gets its data where that is read and verified.",
            hint=f"Upload or import it, or POST the address to /v2/images/{image.id}/locations.",
        )
    wanted = await context.fetch(locating.resolve, context, image, edit.locations, edit.formats(image))
    quota = await context.quotas.of(image.owner)
    grows = any(change.operation != "remove" for change in edit.locations)
    changed, gone = await context.write(
        context.catalog.locations.change,
        image.id,
        wanted,
        check=context.limits.check_locations,
        image=Change(edit.attributes, edit.properties, edit.removed, edit.tags, judge),
        check_properties=check,
        admission=quota.named() if grows else None,
    )
    await context.work(locating.remove_objects, context, image, gone)
    return changed


def _check_visibility(
    context: Context, caller: Caller, visibility: str, target: Mapping[str, object]
) -> None:
    if visibility == "public":
        context.policy.check("publicize_image", caller, target)
    elif visibility == "community":
        context.policy.check("communitize_image", caller, target)


def _created(context: Context, request: Request, image: Image) -> dict[str, str]:
    settings = context.settings
    base = base_url(settings.default.public_endpoint, request.scope, request.headers)
    headers = {"location": f"{base}/v2/images/{image.id}"}
    if methods := offered(settings):
        headers["openstack-image-import-methods"] = ",".join(methods)
    if settings.multi_store:
        headers["openstack-image-store-ids"] = ",".join(store.id for store in settings.stores)
    return headers


def _in_order(links: dict[str, str]) -> dict[str, str]:
    return {"first": links.pop("first"), "schema": "/v2/schemas/images", **links}
