"""Unified limits: Keystone says what a project may have, oslo.limit asks it.

oslo.limit also compares and counts, but so that two requests at once may both pass. Here it is asked for the numbers
only, before the transaction that compares them with what is counted there (:mod:`glimpse.catalog.admission`): nobody
waits for Keystone while holding a lock.
"""

import logging
import threading
import time
from collections.abc import Mapping
from functools import partial

from keystoneauth1 import exceptions as keystone
from keystoneauth1 import loading
from openstack import exceptions as sdk
from oslo_config import cfg

from glimpse.access.beside import Beside
from glimpse.access.quota import UNITS, Ceiling, Quota
from glimpse.config import Settings
from glimpse.errors import GlimpseError, Invalid, Unavailable

LOG = logging.getLogger(__name__)

SECTION = "oslo_limit"
# oslo.limit remembers limits for good or not at all. Two requests to Keystone take 20 ms here; a changed limit should
# hold before an operator wonders.
LIFE_SECONDS = 5
REMEMBERED = 1000
# They wait for Keystone.
THREADS = 4
WAITING = 1000
# Without a limit of its own a request to a Keystone behind a dead network waits for ever.
ANSWER_SECONDS = 10
# For so long after a request that got no answer none is made: others would only wait for their turn to wait.
AWAY_SECONDS = 1
AWAY = "Keystone cannot say now what this project may have."

Limits = Mapping[str, int]


class LimitsBroken(GlimpseError):
    """Limits cannot be looked up, and waiting does not help."""

    code = "limits-broken"


class KeystoneQuotas:
    """The registered limits of this service's endpoint and those of single projects, as they were in the last five
    seconds. What is not registered is limited to nothing, as oslo.limit has it.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises Invalid where ``[oslo_limit]`` cannot be used."""
        _check(settings)
        from oslo_limit import limit

        self._enforcer_class = limit.Enforcer
        self._enforcer: limit.Enforcer | None = None
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._complained = False
        self._known: dict[str | None, tuple[float, Limits]] = {}
        self._beside: Beside[Limits] = Beside("limits", threads=THREADS, waiting=WAITING)

    async def of(self, owner: str | None) -> Quota:
        """As :class:`glimpse.access.quotas.Quotas` has it. Raises LimitsBroken besides."""
        limits = await self.shown(owner)
        stored, staged, images, uploading = (
            None if limits[name] < 0 else Ceiling(name, limits[name], unit) for name, unit in UNITS.items()
        )
        return Quota(owner, stored, staged, images, uploading, of_keystone=True)

    async def shown(self, project: str | None) -> Limits:
        """As :class:`glimpse.access.quotas.Quotas` has it; negative: no limit."""
        known = self._known.get(project)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        limits = await self._beside.once(project, partial(self._asked, project))
        self._known.pop(project, None)
        self._known[project] = time.monotonic() + LIFE_SECONDS, limits
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return limits

    def close(self) -> None:
        """As :class:`glimpse.access.quotas.Quotas` has it."""
        self._beside.close()

    def _asked(self, project: str | None) -> Limits:
        if time.monotonic() < self._away_until:
            raise Unavailable(AWAY)
        try:
            return self._looked_up(project)
        except (keystone.ClientException, sdk.SDKException, ValueError, NotImplementedError) as error:
            if _is_away(error):
                LOG.error("Unified limits: %s: %s", type(error).__name__, error)
                self._away_until = time.monotonic() + AWAY_SECONDS
                raise Unavailable(AWAY) from error
            LOG.error("[%s] cannot be used: %s: %s", SECTION, type(error).__name__, error)
            raise LimitsBroken(
                "The limits of this service cannot be looked up.",
                hint="Its operator finds the reason in the log.",
            ) from error

    def _looked_up(self, project: str | None) -> Limits:
        from oslo_limit.exception import SessionInitError

        with self._lock:
            if self._enforcer is None:
                try:
                    self._enforcer = self._enforcer_class(lambda *_: {}, cache=False)
                except SessionInitError as error:
                    # What it hides is what matters.
                    raise (error.__context__ or error) from error
        # None: all of them, in one request. oslo.limit's annotations do not say so.
        limits = dict(self._enforcer.get_registered_limits(None))  # type: ignore[arg-type]
        if project:
            limits.update(self._enforcer.get_project_limits(project, None))  # type: ignore[arg-type]
        missing = sorted(UNITS.keys() - limits.keys())
        if missing and not self._complained:
            self._complained = True
            LOG.warning("Not registered in Keystone, and so limited to nothing: %s", ", ".join(missing))
        return {name: limits.get(name, 0) for name in UNITS}


def _check(settings: Settings) -> None:
    """Raise Invalid for what can be seen to be wrong without asking Keystone, which may start after this service."""
    options = settings.oslo_limit
    # oslo.limit looks for auth_type, which keystoneauth declares in the other section only where there is auth_section.
    cfg.CONF.register_opts(loading.get_auth_common_conf_options(), group=SECTION)
    try:
        # It declares its options, those of the kind of authentication included, and refuses one that is unknown.
        import oslo_limit.limit  # noqa: F401

        account = loading.load_auth_from_conf_options(cfg.CONF, SECTION)
    except (keystone.ClientException, cfg.Error) as error:
        raise Invalid(f"[{SECTION}] cannot be used: {error}") from error
    if account is None:
        raise Invalid(
            f"use_keystone_limits needs an account in Keystone, and [{SECTION}] names none.",
            hint=f"Set auth_type, auth_url, username, password and so on there, or [{SECTION}] auth_section.",
        )
    if not (options.endpoint_id or options.endpoint_service_name or options.endpoint_service_type):
        raise Invalid(
            f"use_keystone_limits needs to know to which endpoint limits belong, and [{SECTION}] does not say.",
            hint=f"Set [{SECTION}] endpoint_id, or endpoint_service_type = image (and endpoint_region_name).",
        )
    if cfg.CONF[SECTION].timeout is None:
        cfg.CONF.set_default("timeout", ANSWER_SECONDS, group=SECTION)


def _is_away(error: Exception) -> bool:
    """Whether Keystone may answer another time."""
    away = keystone.RetriableConnectionFailure | keystone.DiscoveryFailure | keystone.HttpServerError
    if isinstance(error, away):
        return True
    status = getattr(error, "status_code", None)
    return (
        isinstance(error, sdk.HttpException) and isinstance(status, int) and (status >= 500 or status == 429)
    )
