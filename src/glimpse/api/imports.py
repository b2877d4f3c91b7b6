"""Imports: start one, and watch it."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.caller import Caller
from glimpse.access.signature import Signature
from glimpse.api import jsonbody
from glimpse.api.context import Context, caller_of, context_of
from glimpse.api.images import empty, visible
from glimpse.api.info import check_imports
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.api.reserved import BASE
from glimpse.api.views import timestamp
from glimpse.catalog.records import REGISTRATION, Image, ImportRecord, Phase, task_type
from glimpse.errors import NotFound
from glimpse.imports.methods import offered
from glimpse.imports.request import parse
from glimpse.transfer.sources.uri import masked

router = operations("imports")

WITHOUT_DATA = frozenset({"queued", "uploading"})

# Which properties of these names are not shown.
Hides: TypeAlias = Callable[[Iterable[str]], Collection[str]]


def nothing(names: Iterable[str]) -> Collection[str]:
    """For who may read every property."""
    return ()


@router.post("/v2/images/{image_id}/import", status_code=202)
async def start(request: Request, image_id: str) -> Response:
    """Begin an import; it goes on after the answer."""
    context, caller = context_of(request), caller_of(request)
    check_imports(context)
    body = await jsonbody.read_object(request)
    asked = parse(body, offered(context.settings))
    image = await visible(request, image_id)
    quota = await context.quotas.of(image.owner)
    signature = await _signature(context, image, caller)
    # Where an address is given its name is resolved, and whoever runs the name server may take long to answer.
    begin = context.write if asked.uri is None else context.fetch
    store = request.headers.get("x-image-meta-store")
    await begin(context.imports.start, image, body, store, caller, signature, quota=quota)
    return empty(202)


async def _signature(context: Context, image: Image, caller: Caller) -> Signature | None:
    """How to verify what will be imported. Its certificate is asked for now, in the caller's name: the token is not
    kept for that.
    """
    # What has data already is compared with the hash that it has, also where its certificate has expired since.
    return await context.signature(image.properties, caller) if image.status in WITHOUT_DATA else None


@router.get("/v2/images/{image_id}/import")
async def watch(request: Request, image_id: str) -> Response:
    """The newest import of the image, while it runs and after."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    check_imports(context)
    image = await visible(request, image_id)
    records = await context.read(context.catalog.imports.for_image, image.id)
    if not records:
        raise NotFound(f"Image {image.id} was never imported.")
    # Where a store keeps its objects is the operator's business, as with the locations of an image.
    default = context.settings.default
    places = caller.is_admin or default.show_multiple_locations or default.show_image_direct_url
    return answer(progress(records[0], places=places, details=concerns(records[0], caller)))


@router.get("/v2/images/{image_id}/tasks")
async def tasks(request: Request, image_id: str) -> Response:
    """The imports of the image as tasks, in the raw form that clients have always seen."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    records = await context.read(context.catalog.imports.for_image, image.id)
    hides = partial(context.unreadable, caller=caller)
    return answer({"tasks": [task(record, hides) for record in records if shown(record, caller)]})


def progress(record: ImportRecord, *, places: bool = True, details: bool = True) -> dict[str, object]:
    """An import as it is watched. ``places``: also where in the stores the bytes are. ``details``: also where they
    come from, and what is said of it; without them it is how far the import is and how it ended.
    """
    method = record.request.get("method")
    told = (
        {key: mask(value) if key == "uri" else value for key, value in method.items()}
        if details and isinstance(method, dict)
        else {}
    )
    return {
        "id": record.id,
        "image_id": record.image_id,
        "status": record.status,
        "method": {"name": record.method, **told},
        "stores": [
            {
                "store": target.store,
                "state": target.state,
                **({"url": mask(target.url)} if places and target.url is not None else {}),
                **({"error": target.error} if details and target.error is not None else {}),
            }
            for target in record.targets
        ],
        "phases": [_phase(phase) for phase in record.phases],
        "message": record.message if details else "",
        "error": dict(record.error) if details and record.error is not None else None,
        "created_at": timestamp(record.created_at),
        "updated_at": timestamp(record.updated_at),
    }


def task(record: ImportRecord, hides: Hides = nothing) -> dict[str, object]:
    """An import as a row of the tasks table; times without a zone, to the microsecond."""
    return {
        "id": record.id,
        "type": task_type(record.method),
        "status": record.status,
        "owner": record.owner,
        "expires_at": _moment(record.expires_at),
        "created_at": _moment(record.created_at),
        "updated_at": _moment(record.updated_at),
        "deleted_at": None,
        "deleted": False,
        "image_id": record.image_id,
        "request_id": record.request_id,
        "user_id": record.user_id,
        "input": task_input(record, hides),
        "result": None if record.result is None else dict(record.result),
        "message": record.message,
    }


def task_input(record: ImportRecord, hides: Hides) -> dict[str, object]:
    """What a task was given, in the form in which tasks of its type have it; without the properties that are hidden."""
    request = dict(record.request)
    if task_type(record.method) == "import":
        given = request.get("input")
        found = dict(given) if isinstance(given, dict) else {}
        properties = found.get("image_properties")
        if isinstance(properties, dict):
            hidden = hides(properties.keys() - BASE)
            found["image_properties"] = {name: properties[name] for name in properties if name not in hidden}
        return {**found, "import_from": mask(found.get("import_from"))}
    if record.method == REGISTRATION:
        return {"image_id": record.image_id, **request, "loc_url": mask(request.get("loc_url"))}
    method = request.get("method")
    if isinstance(method, dict) and "uri" in method:
        request["method"] = {**method, "uri": mask(method["uri"])}
    return {"image_id": record.image_id, "import_req": request, "backend": list(record.stores)}


def mask(value: object) -> object:
    """A URL without what may be secret in it: user name and password, and the query, which may be a signature."""
    return masked(value) if isinstance(value, str) else value


def shown(record: ImportRecord, caller: Caller) -> bool:
    """Whether the caller sees this task: its own project's, until it has expired."""
    if record.expires_at is not None and record.expires_at <= datetime.now(UTC):
        return False
    return concerns(record, caller)


def concerns(record: ImportRecord, caller: Caller) -> bool:
    """Whether what is said in an import is the caller's business: its own project's is, and that of an administrator
    all.
    """
    # Who has no project does not own what nobody owns.
    return caller.is_admin or (caller.project_id is not None and record.owner == caller.project_id)


def _phase(phase: Phase) -> dict[str, object]:
    return {
        "name": phase.name,
        "state": phase.state,
        "done": phase.done,
        "total": phase.total,
        "started_at": _precisely(phase.started_at),
        "finished_at": _precisely(phase.finished_at),
    }


def _precisely(moment: datetime | None) -> str | None:
    """To the millisecond: most phases of a small import take less than a second."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _moment(moment: datetime | None) -> str | None:
    return (
        None
        if moment is None
        else moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    )
