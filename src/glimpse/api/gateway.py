"""What happens to every request before and after its operation: version, request id, caller, errors.

Plain ASGI, since a wrapped request and response object would cost a third of a small request.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glimpse.access.authenticator import Authenticator
from glimpse.access.caller import Caller
from glimpse.access.policy import Policy
from glimpse.api import errors, heads, proxies, request_ids
from glimpse.api.jsonbody import JSON, dumps
from glimpse.api.transfers import Transfers, moves_data
from glimpse.api.versions import Versions
from glimpse.errors import GlimpseError, Invalid, Unavailable

LOG = logging.getLogger(__name__)

# Ours, beside the Image API: without a version, and without a caller.
OPEN_PATHS = frozenset({
    "/healthcheck", "/metrics", "/openapi.json",
    "/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js",
})  # fmt: skip

# How much of a refused upload is taken in, and for how long. A connection that is closed before all was read
# takes the answer with it: of 30 MB uploads refused with 409, http.client saw a broken pipe every time.
DRAIN_BYTES = 64 << 20
DRAIN_SECONDS = 2.0


class Gateway:
    """The ASGI application around all resources."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        versions: Versions,
        authentication: Authenticator,
        policy: Policy,
        public_endpoint: str | None,
        longest_request_id: int,
        longest_header: int,
        believes_proxies: bool = False,
        transfers: Transfers | None = None,
    ) -> None:
        self._app = app
        self._versions = versions
        self._prefixes = versions.prefixes()
        self._authentication = authentication
        self._policy = policy
        self._public_endpoint = public_endpoint.rstrip("/") if public_endpoint else None
        self._longest_request_id = longest_request_id
        self._longest_header = longest_header
        self._believes_proxies = believes_proxies
        self._transfers = transfers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, send)
        request_ids.CURRENT.set(exchange.request_id)
        upload = None
        try:
            headers = heads.read(scope["headers"], self._longest_header)
            if self._believes_proxies:
                proxies.believe(scope, headers)
            exchange.accept = headers.get("accept")
            if scope["method"] == "PUT" and "expect" not in headers:
                receive = upload = Body(receive)
            await self._serve(scope, receive, exchange, headers)
        except GlimpseError as error:
            status = errors.status_of(error)
            if status >= 500:
                LOG.warning("%s: %s", scope["path"], error.message)
            # A service that stops must not wait for what its clients still send.
            rest = None if isinstance(error, Unavailable) else upload
            await exchange.refuse(status, errors.text_of(error), rest, errors.headers_of(error))
        except Exception:
            LOG.exception("%s %s failed", scope["method"], scope["path"])
            await exchange.refuse(
                500, "Something went wrong here; the log says what, under this request's id.", upload
            )

    async def _serve(
        self, scope: Scope, receive: Receive, exchange: "Exchange", headers: Mapping[str, str]
    ) -> None:
        path: str = scope["path"]
        if scope["method"] == "OPTIONS":
            await exchange.answer(200, b"", "text/plain")
            return
        if path in OPEN_PATHS:
            await self._app(scope, receive, exchange.send)
            return
        segment, slash, rest = path[1:].partition("/")
        if segment not in self._prefixes:
            if segment == "versions":
                await exchange.answer(200, self._document(scope, headers), JSON)
                return
            if not segment or not self._versions.of_media_type(headers.get("accept", "")):
                await exchange.answer(300, self._document(scope, headers), JSON)
                return
            rest, slash = path[1:], "/"
        if given := headers.get("x-openstack-request-id"):
            exchange.request_id = request_ids.adopted(exchange.request_id, given, self._longest_request_id)
        if "\ufffd" in path:
            _check_path(scope)
        scope["path"] = f"/v2{slash}{rest}"
        named = await self._authentication.authenticate(headers, scope["method"], scope["path"])
        scope["glimpse.caller"] = self._caller(named, exchange.request_id)
        scope["raw_path"] = quote(scope["path"]).encode()
        if self._transfers is not None and moves_data(scope["path"]):
            with self._transfers.turn(scope["glimpse.caller"], scope):
                await self._app(scope, receive, exchange.send)
            return
        await self._app(scope, receive, exchange.send)

    def _document(self, scope: Scope, headers: Mapping[str, str]) -> bytes:
        return dumps(self._versions.document(base_url(self._public_endpoint, scope, headers)))

    def _caller(self, named: Caller, request_id: str) -> Caller:
        return named.asking(request_id, is_admin=self._policy.is_admin(named))


def _check_path(scope: Scope) -> None:
    """Raise Invalid where the path was not UTF-8. The server puts U+FFFD for what it cannot read, and a tag
    would be stored so.
    """
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError as error:
        raise Invalid("The path is not UTF-8.") from error


class Exchange:
    """One request and its answer, of which the head goes out once."""

    __slots__ = ("_scope", "_send", "_started", "accept", "request_id")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = False
        self.accept: str | None = None
        self.request_id = request_ids.new()

    async def send(self, message: Message) -> None:
        """Pass a message on, its head with the request id."""
        if message["type"] == "http.response.start":
            self._started = True
            message["headers"] = [
                *message.get("headers", ()), (b"x-openstack-request-id", self.request_id.encode("latin-1"))
            ]  # fmt: skip
        await self._send(message)

    async def answer(
        self,
        status: int,
        body: bytes,
        media_type: str,
        extra: Mapping[str, str] | None = None,
        *,
        more: bool = False,
    ) -> None:
        """Send a whole answer."""
        headers = [
            (b"content-length", str(len(body)).encode()),
            (b"content-type", media_type.encode()),
            *((name.lower().encode(), value.encode("latin-1")) for name, value in (extra or {}).items()),
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(
        self, status: int, message: str, upload: "Body | None", extra: Mapping[str, str] | None = None
    ) -> None:
        """Send an error, unless the answer has begun: then the connection breaks, which a client notices as
        well.
        """
        if self._started:
            return
        # Who is not known gets text, whatever is asked for: auth_token in front of the API knows nothing else.
        body, media_type = errors.render(status, message, None if status == 401 else self.accept)
        if upload is not None:
            await upload.drain()
        await self.answer(status, body, media_type, extra)


class Body:
    """The body of an upload, of which it is known whether it has ended."""

    __slots__ = ("_ended", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        """The next part, as ASGI has it."""
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Take in the rest, within limits: most clients look for an answer only when they have sent it all."""
        left = DRAIN_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while left > 0 and not self._ended:
                    left -= len((await self()).get("body", b""))


def base_url(public_endpoint: str | None, scope: Scope, headers: Mapping[str, str]) -> str:
    """This service's URL as the client knows it, without a slash at its end."""
    if public_endpoint:
        return public_endpoint.rstrip("/")
    host = headers.get("host")
    if not host:
        address = scope.get("server") or ("127.0.0.1", 9292)
        host = f"{address[0]}:{address[1]}"
    return f"{scope.get('scheme', 'http')}://{host}{scope.get(proxies.PREFIX, '')}"
