"""Tasks: every import as administrators see it, and the old way to ask for one together with its image."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.caller import Caller
from glimpse.access.target import project_target, task_target
from glimpse.api import creating, imports, jsonbody, paging, schema
from glimpse.api.context import Context, caller_of, context_of
from glimpse.api.gateway import base_url
from glimpse.api.images import check_new
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.api.schema import TASK_STATUSES, UUID
from glimpse.api.views import timestamp
from glimpse.catalog.records import ImportRecord, NewImage, TaskQuery, task_type
from glimpse.errors import Invalid, NotFound

router = operations("tasks")

IMPORT = "import"
# What the image gets where the task does not say.
CONTAINER_FORMAT = "bare"


@router.get("/v2/tasks")
async def list_tasks(request: Request) -> Response:
    """A page of tasks, the newest first unless asked otherwise."""
    context, caller = _allowed(request)
    context.policy.check("get_tasks", caller, project_target(caller.project_id))
    jsonbody.refuse_body(request)
    pairs = paging.parameters(request.scope["query_string"])
    page = await context.read(context.catalog.imports.list, _query(dict(pairs), context, caller))
    links = paging.links(pairs, page.tasks[-1].id if page.more and page.tasks else None, "/v2/tasks")
    return answer(
        {
            "tasks": [summary(task) for task in page.tasks],
            "first": links.pop("first"),
            "schema": "/v2/schemas/tasks",
            **links,
        }
    )


@router.get("/v2/tasks/{task_id}")
async def show(request: Request, task_id: str) -> Response:
    """One task, with what it was given and what came of it."""
    context, caller = _allowed(request)
    jsonbody.refuse_body(request)
    if UUID.match(task_id) is None:
        raise NotFound(f"There is no task {task_id[:100]}.")
    record = await context.read(context.catalog.imports.get, task_id)
    if not imports.shown(record, caller):
        raise NotFound(f"There is no task {task_id}.")
    context.policy.check("get_task", caller, task_target(record))
    return answer(view(record, partial(context.unreadable, caller=caller)))


@router.post("/v2/tasks", status_code=201)
async def create(request: Request) -> Response:
    """Make an image and import its data from the web."""
    context, caller = _allowed(request)
    context.policy.check("add_task", caller, project_target(caller.project_id))
    body = await jsonbody.read_object(request)
    kind, given = body.get("type"), body.get("input")
    if not isinstance(kind, str) or not isinstance(given, dict):
        raise Invalid("A task needs a 'type', which is a string, and an 'input', which is an object.")
    if kind != IMPORT:
        raise Invalid(
            f"Tasks of the type {kind[:100]!r} cannot be asked for; only {IMPORT!r} can.",
            hint="Imports into an image that exists are asked for by POST /v2/images/{id}/import.",
        )
    wanted = _image(given, context, caller)
    check_new(context, caller, wanted)
    work = {"method": {"name": IMPORT, "uri": given["import_from"]}, "input": given}
    quota = await context.quotas.of(wanted.owner)
    signature = await context.signature(wanted.properties, caller)
    # The address is resolved in this, which may take as long as somebody's name server does.
    record = await context.fetch(context.imports.start_task, wanted, work, caller, signature, quota=quota)
    base = base_url(context.settings.default.public_endpoint, request.scope, request.headers)
    return answer(
        view(record, partial(context.unreadable, caller=caller)),
        201,
        {"location": f"{base}/v2/tasks/{record.id}"},
    )


def view(record: ImportRecord, hides: imports.Hides) -> dict[str, object]:
    """A task as it is shown by itself."""
    result = None if record.result is None else dict(record.result)
    if result is None and record.status == "success":
        result = {"image_id": record.image_id}
    shown = summary(record)
    return {
        "id": shown.pop("id"),
        "input": imports.task_input(record, hides),
        "type": shown.pop("type"),
        "status": shown.pop("status"),
        "owner": shown.pop("owner"),
        "message": record.message,
        "result": result,
        **shown,
    }


def summary(record: ImportRecord) -> dict[str, object]:
    """A task as it is listed."""
    shown: dict[str, object] = {
        "id": record.id,
        "type": task_type(record.method),
        "status": record.status,
        "owner": record.owner,
        "created_at": timestamp(record.created_at),
        "updated_at": timestamp(record.updated_at),
        "self": f"/v2/tasks/{record.id}",
        "schema": "/v2/schemas/task",
        "image_id": record.image_id,
        "request_id": record.request_id,
        "user_id": record.user_id,
    }
    if record.expires_at is not None:
        shown["expires_at"] = timestamp(record.expires_at)
    return shown


def _allowed(request: Request) -> tuple[Context, Caller]:
    context, caller = context_of(request), caller_of(request)
    context.policy.check("tasks_api_access", caller, {})
    return context, caller


def _query(asked: Mapping[str, str], context: Context, caller: Caller) -> TaskQuery:
    default = context.settings.default
    marker, status, kind = asked.get("marker"), asked.get("status"), asked.get("type")
    if marker is not None and UUID.match(marker) is None:
        raise Invalid("marker must be the id of a task.")
    if kind is not None:
        paging.one_of("type", kind, (IMPORT,))
    if status is not None:
        paging.one_of("status", status, TASK_STATUSES)
    key = asked.get("sort_key", "created_at")
    direction = paging.one_of("sort_dir", asked.get("sort_dir", "desc"), paging.DIRECTIONS)
    return TaskQuery(
        limit=min(paging.limit(asked.get("limit"), default.limit_param_default), default.api_limit_max),
        marker=marker,
        sort=((key, direction),),
        status=status,
        type=kind,
        owner=None if caller.is_admin else caller.project_id or "",
    )


def _image(given: Mapping[str, object], context: Context, caller: Caller) -> NewImage:
    """The image that a task is to make. Raises Invalid."""
    source, format_, properties = (
        given.get(name) for name in ("import_from", "import_from_format", "image_properties")
    )
    if not isinstance(source, str) or not isinstance(properties, dict):
        raise Invalid(
            "The input of an import needs 'import_from', 'import_from_format' and 'image_properties'."
        )
    jsonbody.check_text(source, "import_from")
    schema.check("import_from_format", format_, context.schema.properties["disk_format"])
    if format_ is None or properties.get("disk_format", format_) != format_:
        raise Invalid(
            "import_from_format must be the format of the data, and the image's disk_format the same.",
            hint="Conversion is the configuration's: [image_import_opts] image_import_plugins.",
        )
    body = {"container_format": CONTAINER_FORMAT, "disk_format": format_, **properties}
    return creating.new_image(body, context.schema, caller)
