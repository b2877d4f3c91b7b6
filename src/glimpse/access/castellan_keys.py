"""Certificates in Barbican, Vault, or whatever else castellan knows.

castellan reads its options itself, from the same files. Barbican is asked in the caller's name, with the caller's
token; Vault with the account of this service.
"""

import logging
import threading
from importlib.metadata import entry_points
from importlib.util import find_spec
from json import JSONDecodeError
from typing import Any

from oslo_config import cfg

from glimpse.access.caller import Caller
from glimpse.access.key_manager import DIRECTORY, NoCertificate
from glimpse.config import Settings
from glimpse.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

DRIVERS = "castellan.drivers"
# castellan sets no limit of its own for Barbican. Whoever waits longer has a client that waits for an upload.
WAIT_SECONDS = 30.0
# Requests that may hang in a key manager that takes connections and never answers. One that answers does so in 0.1 s,
# so that further ones need not wait long for their turn; threads in which they wait are those of downloads too.
MOST_AT_ONCE = 16
TURN_SECONDS = 2.0
# What the key manager may answer tomorrow, though it is an error of the 4xx kind.
LATER = frozenset({408, 429})


class CastellanKeys:
    """A key manager behind castellan, which is imported when it is needed first."""

    def __init__(self, settings: Settings, wait: float = WAIT_SECONDS) -> None:
        """Raise Invalid where castellan has no such backend."""
        self._backend = settings.key_manager.backend
        known = sorted(entry_points(group=DRIVERS).names)
        if self._backend not in known and not _is_class(self._backend):
            raise Invalid(
                f"[key_manager] backend = {self._backend}: there is no such key manager.",
                hint=f"Known: {DIRECTORY}, {', '.join(known)}.",
            )
        account = settings.keystone_authtoken
        self._keystone = account.auth_url or account.www_authenticate_uri
        self._wait = wait
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._making = threading.Lock()
        self._manager: Any = None

    def certificate(self, identifier: str, caller: Caller) -> bytes:
        """As :class:`glimpse.access.key_manager.KeyManager` has it; an answer is waited for so long and no longer."""
        if caller.token is None and "barbican" in self._backend.lower():
            raise NoCertificate(
                f"Certificate {identifier} cannot be had: Barbican is asked with a token of Keystone.",
                hint="The operator may choose another key manager: [key_manager] backend.",
            )
        if not self._places.acquire(timeout=min(TURN_SECONDS, self._wait)):
            raise Unavailable(f"The key manager ({self._backend}) does not answer.")
        found: list[bytes | Exception] = []
        # Not of a pool: it may hang, and must keep nobody from ending this process.
        thread = threading.Thread(
            target=self._try, args=(identifier, caller, found), name="key-manager", daemon=True
        )
        thread.start()
        thread.join(self._wait)
        if not found:
            raise Unavailable(f"The key manager ({self._backend}) did not answer within {self._wait:g} s.")
        if isinstance(found[0], Exception):
            raise self._explained(found[0], identifier) from found[0]
        return found[0]

    def _try(self, identifier: str, caller: Caller, found: list[bytes | Exception]) -> None:
        try:
            found.append(self._get(identifier, caller))
        except Exception as error:
            found.append(error)
        finally:
            self._places.release()

    def _get(self, identifier: str, caller: Caller) -> bytes:
        from oslo_context.context import RequestContext

        token = None if caller.token is None else caller.token.reveal()
        context = RequestContext(
            auth_token=token,
            user_id=caller.user_id,
            project_id=caller.project_id,
            request_id=caller.request_id or None,
            overwrite=False,
        )
        encoded = self._castellan().get(context, identifier).get_encoded()
        return encoded if isinstance(encoded, bytes) else b""

    def _castellan(self) -> Any:
        with self._making:
            if self._manager is None:
                from castellan import key_manager

                manager = key_manager.API(cfg.CONF)
                if "barbican" in cfg.CONF and self._keystone:
                    # Where nothing is said, tokens are good at the Keystone that we ask about them.
                    cfg.CONF.set_default("auth_endpoint", self._keystone, group="barbican")
                self._manager = manager
            return self._manager

    def _explained(self, error: Exception, identifier: str) -> Exception:
        from castellan.common.exception import ManagedObjectNotFoundError

        if isinstance(error, ManagedObjectNotFoundError):
            return NoCertificate(f"There is no certificate {identifier} in the key manager.")
        if isinstance(error, ValueError) and not isinstance(error, JSONDecodeError):
            return NoCertificate(f"What the key manager has as {identifier} is not an X.509 certificate.")
        status = _status(error)
        if status is not None and 400 <= status < 500 and status not in LATER:
            return NoCertificate(
                f"The key manager does not let you have certificate {identifier} (it says {status}).",
                hint="Store it in your project, or have its owner allow you to read it.",
            )
        log.warning("The key manager (%s) failed: %s: %s", self._backend, type(error).__name__, error)
        return Unavailable(
            f"The key manager ({self._backend}) cannot be asked for certificate {identifier} now."
        )


def _is_class(name: str) -> bool:
    """Whether this may be a class by its full name, as old configurations have it."""
    module = name.rpartition(".")[0]
    try:
        return bool(module) and find_spec(module) is not None
    except ImportError:
        return False


def _status(error: BaseException | None) -> int | None:
    """The HTTP status that an error, or the one behind it, is about."""
    while error is not None:
        for name in ("status_code", "http_status"):
            status = getattr(error, name, None)
            if isinstance(status, int):
                return status
        error = error.__cause__ or error.__context__
    return None
