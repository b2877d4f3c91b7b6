"""keystonemiddleware's ``auth_token``, asked about one token at a time.

It is WSGI middleware. Here it is given an environment that holds the tokens and nothing else of the request, so
no identity that a client claims can come through it, and it never sees a body. It blocks while it asks
memcached or Keystone, so it is called in threads; it is made for that.
"""

import io
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from glimpse.access.caller import Caller, Unauthenticated
from glimpse.access.secret import Secret
from glimpse.config import Settings
from glimpse.config.options.access import KeystoneAuthtoken
from glimpse.errors import Forbidden, Invalid, Unavailable

LOG = logging.getLogger(__name__)

# Without a limit of their own, requests to a Keystone behind a dead network wait for ever.
CONNECT_SECONDS = 10
UNAVAILABLE = "Keystone cannot say now whose token this is."


@dataclass(frozen=True, slots=True)
class Validated:
    """Whose token it is, and for how long that may be remembered (seconds; 0: it holds for this request only)."""

    caller: Caller
    lasts: float


class AuthToken:
    """Validates tokens as ``[keystone_authtoken]`` says. Thread-safe."""

    def __init__(self, settings: Settings, *, cache_seconds: int) -> None:
        """``cache_seconds``: how long the middleware's own cache keeps a token. Raises Invalid."""
        # Imported only where Keystone is used: 40 MiB.
        from keystoneauth1.exceptions import ClientException
        from keystonemiddleware import auth_token
        from keystonemiddleware.exceptions import KeystoneMiddlewareException

        options = settings.keystone_authtoken
        self._challenge = challenge(options)
        self._any_scope = not settings.oslo_policy.enforce_scope
        self._failures = (ClientException, KeystoneMiddlewareException)
        try:
            self._middleware: Callable[..., Any] = auth_token.AuthProtocol(
                _end, _overrides(options, cache_seconds)
            )
        except (*self._failures, cfg.Error) as error:
            raise Invalid(f"[keystone_authtoken] cannot be used: {error}") from error

    def validate(self, token: str, service_token: str | None, method: str, path: str) -> Validated:
        """Whose token it is; ``method`` and ``path`` matter to tokens that are for certain requests only.

        Raises Unauthenticated, Forbidden for a token that is not of a project, or Unavailable.
        """
        environ = _environ(token, service_token, method, path)
        statuses: list[str] = []
        try:
            self._middleware(environ, lambda status, headers, info=None: statuses.append(status))
        except self._failures as error:
            LOG.error("Keystone: %s: %s", type(error).__name__, error)
            raise Unavailable(UNAVAILABLE) from error
        if statuses[0].startswith("401"):
            raise Unauthenticated(
                "The token is not valid: it has expired, was revoked, or never was one.",
                hint="Get a new one from Keystone.",
                challenge=self._challenge,
            )
        if not statuses[0].startswith("200"):
            raise Unavailable(UNAVAILABLE)
        return self._validated(token, service_token, environ)

    def _validated(self, token: str, service_token: str | None, environ: Mapping[str, Any]) -> Validated:
        user, service = environ["keystone.token_auth"].user, environ["keystone.token_auth"].service
        if (user.system_scoped or user.domain_scoped) and not self._any_scope:
            scope = "the system" if user.system_scoped else "a domain"
            raise Forbidden(f"A token of {scope} cannot be used here; get one of a project.")
        bound = environ["keystone.token_info"]["token"]
        rules = (bound.get("application_credential") or {}).get("access_rules")
        lasts = 0.0
        if rules is None and not bound.get("bind"):
            # A service may hand on a token that has expired; that is found out anew each time.
            ends = [each.expires.timestamp() for each in (user, service) if each is not None]
            lasts = max(0.0, min(ends) - time.time())
        caller = Caller(
            user_id=environ.get("HTTP_X_USER_ID"),
            project_id=environ.get("HTTP_X_PROJECT_ID"),
            roles=_roles(environ.get("HTTP_X_ROLES")),
            is_admin=False,
            user_domain_id=environ.get("HTTP_X_USER_DOMAIN_ID"),
            project_domain_id=environ.get("HTTP_X_PROJECT_DOMAIN_ID"),
            service_user_id=environ.get("HTTP_X_SERVICE_USER_ID"),
            service_project_id=environ.get("HTTP_X_SERVICE_PROJECT_ID"),
            service_roles=_roles(environ.get("HTTP_X_SERVICE_ROLES")),
            token=Secret(token),
            catalog=environ.get("HTTP_X_SERVICE_CATALOG"),
        )
        return Validated(caller, lasts)


def challenge(options: KeystoneAuthtoken) -> str:
    """What clients without a good token are told: where Keystone is."""
    where = options.www_authenticate_uri or options.auth_url
    return f'Keystone uri="{where}"' if where else "Keystone"


def _overrides(options: KeystoneAuthtoken, cache_seconds: int) -> dict[str, object]:
    """Where the middleware reads its options, and what we decide instead or where they say nothing."""
    # The files that everybody reads, but apart: the middleware declares options that must be set.
    files = cfg.ConfigOpts()
    files([], project="glimpse", default_config_files=cfg.CONF.config_file, default_config_dirs=[])
    if options.auth_section:
        from keystoneauth1.loading import register_auth_conf_options

        register_auth_conf_options(files, options.auth_section)
    return {
        "oslo_config_config": files,
        # Otherwise a Keystone that does not answer would make of every token a bad one.
        "delay_auth_decision": False,
        "token_cache_time": cache_seconds,
        # Otherwise it would be looked up at Keystone for each refusal.
        "www_authenticate_uri": options.www_authenticate_uri or options.auth_url,
        "service_type": options.service_type,
        # Brackets and quotes are read by us only.
        "service_token_roles": list(options.service_token_roles),
        "memcached_servers": list(options.memcached_servers) or None,
        "http_connect_timeout": options.http_connect_timeout or CONNECT_SECONDS,
    }


def _environ(token: str, service_token: str | None, method: str, path: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": "0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "HTTP_X_AUTH_TOKEN": token,
    }
    if service_token is not None:
        environ["HTTP_X_SERVICE_TOKEN"] = service_token
    return environ


def _end(environ: Mapping[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """The application behind the middleware: a good token gets here."""
    start_response("200 OK", [])
    return []


def _roles(names: str | None) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in (names or "").split(",") if name.strip())
