"""Pages from elsewhere: which of them a browser lets call the API (CORS), as the section ``[cors]`` says.

Stands around everything else, so that a page can read refusals as well. Not there at all where no origin is
allowed.
"""

from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glimpse.config.options.http import Cors as Rules

Headers = list[tuple[bytes, bytes]]

ANY = "*"
# What a page may always send (the simple headers of oslo.middleware).
SIMPLE = (
    "accept", "accept-language", "cache-control", "content-language", "content-type", "expires",
    "last-modified", "pragma",
)  # fmt: skip
# Answers differ by it, also where there is none: a cache must not give one page what is another's.
VARY = (b"vary", b"Origin")


class Cors:
    """The ASGI application, with what browsers want to know of it."""

    def __init__(self, app: ASGIApp, *, rules: Iterable[Rules]) -> None:
        self._app = app
        self._origins: dict[str, _Origin] = {}
        for each in rules:
            for origin in each.allowed_origin:
                self._origins.setdefault(origin, _Origin(each, anybody=origin == ANY))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _ASKED}
        extra = [VARY]
        if origin := asked.get(b"origin"):
            found = self._origins.get(origin) or self._origins.get(ANY)
            if found is not None:
                preflight = scope["method"] == "OPTIONS"
                extra += found.preflight(origin, asked) if preflight else found.simple(origin)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self._app(scope, receive, told)


_ASKED = frozenset({b"origin", b"access-control-request-method", b"access-control-request-headers"})


class _Origin:
    """What pages of one origin may do; ``anybody``: of any that is not named."""

    def __init__(self, rules: Rules, *, anybody: bool) -> None:
        self._rules = rules
        self._anybody = anybody
        self._headers = {name.lower() for name in (*SIMPLE, *rules.allow_headers)}

    def simple(self, origin: str) -> Headers:
        """For an answer that a page may read."""
        headers = self._allowed(origin)
        if self._rules.expose_headers:
            exposed = ",".join(self._rules.expose_headers)
            headers.append((b"access-control-expose-headers", exposed.encode("latin-1")))
        return headers

    def preflight(self, origin: str, asked: Mapping[bytes, str]) -> Headers:
        """For the question that a browser asks before a request; nothing where the answer is no."""
        method = asked.get(b"access-control-request-method", "")
        wanted = [name.strip() for name in asked.get(b"access-control-request-headers", "").split(",")]
        wanted = [name for name in wanted if name]
        if method not in self._rules.allow_methods or not {name.lower() for name in wanted} <= self._headers:
            return []
        headers = [*self._allowed(origin), (b"access-control-allow-methods", method.encode("latin-1"))]
        if self._rules.max_age:
            headers.append((b"access-control-max-age", str(self._rules.max_age).encode()))
        if wanted:
            headers.append((b"access-control-allow-headers", ",".join(wanted).encode("latin-1")))
        return headers

    def _allowed(self, origin: str) -> Headers:
        # Browsers take no credentials for everybody; to name each who asks would lend them to any page.
        if self._anybody:
            return [(b"access-control-allow-origin", b"*")]
        headers = [(b"access-control-allow-origin", origin.encode("latin-1"))]
        if self._rules.allow_credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers
