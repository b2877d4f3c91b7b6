"""Members: the projects that an image is shared with, and whether they accept it."""

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.target import image_target
from glimpse.api import jsonbody, schema
from glimpse.api.context import caller_of, context_of, viewer_of
from glimpse.api.images import visible
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.api.schema import MEMBER_PROPERTIES
from glimpse.api.views import timestamp
from glimpse.catalog.records import Image, Member
from glimpse.errors import Forbidden, Invalid, NotFound

router = operations("members")


@router.post("/v2/images/{image_id}/members")
async def add(request: Request, image_id: str) -> Response:
    """Share the image with a project, which then has to accept it."""
    context, caller = context_of(request), caller_of(request)
    project = _given(await jsonbody.read_object(request), "member")
    image = await visible(request, image_id)
    context.policy.check("add_member", caller, image_target(image))
    _check_shared(image)
    member = await context.write(context.catalog.members.add, image.id, project, context.limits.check_members)
    return answer(view(member))


@router.get("/v2/images/{image_id}/members")
async def list_members(request: Request, image_id: str) -> Response:
    """Whom the image is shared with. A member sees only itself."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    _check_shared(image)
    members = await context.read(context.catalog.members.list, image.id, viewer_of(caller))
    mine = caller.project_id if any(each.member == caller.project_id for each in members) else None
    context.policy.check("get_members", caller, image_target(image, mine))
    return answer({"members": [view(member) for member in members], "schema": "/v2/schemas/members"})


@router.get("/v2/images/{image_id}/members/{member_id}")
async def show(request: Request, image_id: str, member_id: str) -> Response:
    """One member."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    member = await _found(request, image, member_id)
    if not context.policy.allows("get_member", caller, image_target(image, member.member)):
        raise NotFound(f"Image {image.id} is not shared with {member_id[:100]!r}.")
    return answer(view(member))


@router.put("/v2/images/{image_id}/members/{member_id}")
async def change(request: Request, image_id: str, member_id: str) -> Response:
    """Accept or reject the image; only the member itself can."""
    context, caller = context_of(request), caller_of(request)
    status = _given(await jsonbody.read_object(request), "status")
    image = await visible(request, image_id)
    _check_shared(image)
    member = await _found(request, image, member_id)
    context.policy.check("modify_member", caller, image_target(image, member.member))
    changed = await context.write(context.catalog.members.set_status, image.id, member.member, status)
    return answer(view(changed))


@router.delete("/v2/images/{image_id}/members/{member_id}", status_code=204)
async def remove(request: Request, image_id: str, member_id: str) -> Response:
    """Share the image with this project no longer."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    context.policy.check("delete_member", caller, image_target(image))
    _check_shared(image)
    member = await _found(request, image, member_id)
    await context.write(context.catalog.members.remove, image.id, member.member)
    return Response(None, 204)


def view(member: Member) -> dict[str, object]:
    """A member as clients see it."""
    return {
        "member_id": member.member,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": timestamp(member.created_at),
        "updated_at": timestamp(member.updated_at),
        "schema": "/v2/schemas/member",
    }


def _given(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f"The body needs {name!r}, a string that is not empty.")
    schema.check(name, value, MEMBER_PROPERTIES["status" if name == "status" else "member_id"])
    return value


def _check_shared(image: Image) -> None:
    if image.visibility != "shared":
        raise Forbidden(f"Image {image.id} is {image.visibility}; only shared images have members.")


async def _found(request: Request, image: Image, member_id: str) -> Member:
    """The member, where the caller may know of it. Raises NotFound, also where the image is not shared."""
    context, caller = context_of(request), caller_of(request)
    return await context.read(context.catalog.members.get, image.id, member_id, viewer_of(caller))
