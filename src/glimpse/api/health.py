"""Whether this process answers: for load balancers and for whoever has just started it."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from glimpse.api.context import context_of
from glimpse.api.operation import operations

router = operations("health")


@router.get("/healthcheck")
async def healthcheck(request: Request) -> Response:
    """``OK`` as soon as requests are served; needs neither caller nor database.

    An operator takes this host out of a load balancer by making the file ``[healthcheck] disable_by_file_path``.
    Everything else goes on being served.
    """
    context = context_of(request)
    path = context.settings.healthcheck.disable_by_file_path
    if path is not None and await context.read(Path(path).exists):
        return PlainTextResponse("DISABLED BY FILE", 503)
    return PlainTextResponse("OK")
