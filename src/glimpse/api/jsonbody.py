"""JSON in and out."""

import asyncio
import json
import re

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from glimpse.api.errors import HttpError
from glimpse.config import Settings
from glimpse.errors import Invalid, TooLarge

# Databases of existing installations store three-byte UTF-8 only (MariaDB's utf8), PostgreSQL no NUL, and a
# lone surrogate is no text at all.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\U00010000-\U0010ffff]")

JSON = "application/json"


def dumps(value: object) -> bytes:
    """UTF-8 as it is, with Python's default separators, as clients of the Image API have always seen it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace")


def answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(dumps(value), status, headers, media_type=JSON)


def check_text(text: str, where: str) -> None:
    """Raise Invalid for characters that cannot be stored everywhere."""
    found = _UNSTORABLE.search(text)
    if found is not None:
        raise Invalid(f"The character U+{ord(found[0]):04X} is not allowed in {where}.")


async def read(request: Request) -> bytes:
    """The whole body of a request that should be small. Raises TooLarge, and HttpError where it does not come, or
    not in time.
    """
    settings: Settings = request.app.state.context.settings
    most, seconds = settings.oslo_middleware.max_request_body_size, settings.glimpse.client_request_timeout
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise TooLarge(f"The body of this request may have {most} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TooLarge(f"The body of this request may have {most} bytes.")
    except ClientDisconnect as error:
        raise HttpError(400, "The body of the request ended early.") from error
    except TimeoutError as error:
        raise HttpError(408, f"The body of the request did not come within {seconds:g} seconds.") from error
    if declared.isdecimal() and int(declared[:20]) != len(body):
        raise HttpError(400, "The body of the request ended early.")
    return bytes(body)


def parse(body: bytes) -> object:
    """The JSON value in a body. Raises Invalid."""
    if not body:
        raise Invalid("The request needs a JSON body.")
    try:
        value: object = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {str(error)[:200]}") from error
    return value


def parse_object(body: bytes) -> dict[str, object]:
    """The JSON object in a body. Raises Invalid."""
    value = parse(body)
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    return value


async def read_object(request: Request) -> dict[str, object]:
    """The JSON object that a request carries. Raises Invalid, TooLarge."""
    return parse_object(await read(request))


def refuse_body(request: Request) -> None:
    """Raise Invalid when a request carries a body that its operation does not take."""
    length = request.headers.get("content-length", "0")
    if length.strip() not in ("", "0"):
        raise Invalid("This operation takes no body.")
    if (
        request.method in ("POST", "PUT", "PATCH")
        and "chunked" in request.headers.get("transfer-encoding", "").lower()
    ):
        raise Invalid("This operation takes no body.")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
