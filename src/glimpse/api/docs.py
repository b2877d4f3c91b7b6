"""The OpenAPI document and a page to try it out, which loads nothing from elsewhere."""

from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from glimpse.access.selection import kind_of
from glimpse.api import openapi
from glimpse.api.context import context_of
from glimpse.api.jsonbody import JSON, dumps
from glimpse.api.operation import operations
from glimpse.imports.methods import offered

router = operations("documentation")

# Swagger UI, as the package ships it for whoever has no access to the network.
BUNDLE = "fastapi_offline"
START = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  syntaxHighlight: {activated: true},
});
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Image API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# The browser itself refuses what the page should ever try to load from elsewhere.
RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEEP = {"cache-control": "max-age=86400"}


@router.get("/openapi.json", include_in_schema=False)
async def document(request: Request) -> Response:
    """What this service offers, for programs."""
    return Response(_document(request), media_type=JSON)


@router.get("/docs", include_in_schema=False)
async def page(request: Request) -> Response:
    """What this service offers, for people."""
    return HTMLResponse(PAGE, headers={"content-security-policy": RULES})


@router.get("/docs/swagger-ui-bundle.js", include_in_schema=False)
async def script(request: Request) -> Response:
    """The page's script."""
    return Response(_asset("swagger-ui-bundle.js"), 200, KEEP, media_type="text/javascript")


@router.get("/docs/swagger-ui.css", include_in_schema=False)
async def style(request: Request) -> Response:
    """The page's style."""
    return Response(_asset("swagger-ui.css"), 200, KEEP, media_type="text/css")


@router.get("/docs/start.js", include_in_schema=False)
async def start(request: Request) -> Response:
    """Begins the page."""
    return Response(START, 200, KEEP, media_type="text/javascript")


def _document(request: Request) -> bytes:
    state = request.app.state
    if not hasattr(state, "openapi"):
        context = context_of(request)
        state.openapi = dumps(
            openapi.build(
                request.app.routes,
                properties=context.schema.properties,
                required=context.schema.required,
                methods=offered(context.settings),
                authentication=kind_of(context.settings),
                anonymous=context.settings.default.allow_anonymous_access,
            )
        )
    made: bytes = state.openapi
    return made


@cache
def _asset(name: str) -> bytes:
    return (resources.files(BUNDLE) / "static" / name).read_bytes()
