"""Whether this process answers: for load balancers and for whoever has just started it."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from glimpse.api.operation import operations

router = operations("health")


@router.get("/healthcheck")
async def healthcheck(request: Request) -> Response:
    """``OK`` as soon as requests are served; needs neither caller nor database."""
    return PlainTextResponse("OK")
