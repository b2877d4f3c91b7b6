"""The options of an http store, and the rules of fetching that it is given with them."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from glimpse.stores.errors import BadStoreOption
from glimpse.transfer.sources.rules import FetchRules


@dataclass(frozen=True)
class HttpOptions:
    """What an http store was configured to do: seconds, and bytes per second over ``stall_timeout``."""

    rules: FetchRules
    tls: ssl.SSLContext | None = None
    connect_timeout: float = 10.0
    stall_timeout: float = 60.0
    minimum_speed: int = 1024
    user_agent: str = "glimpse"

    @classmethod
    def parse(cls, store: str, options: Mapping[str, object]) -> "HttpOptions":
        """Read the driver's options; what is not said has the default. Raises BadStoreOption."""
        return cls(
            FetchRules.parse(options),
            _tls(store, options),
            float(str(options.get("web_connect_timeout", cls.connect_timeout))),
            float(str(options.get("web_stall_timeout", cls.stall_timeout))),
            int(str(options.get("web_minimum_speed", cls.minimum_speed))),
            str(options.get("web_user_agent", cls.user_agent)),
        )


def _tls(store: str, options: Mapping[str, object]) -> ssl.SSLContext | None:
    """What certificates are taken; None for those that the system trusts."""
    file = options.get("https_ca_certificates_file")
    if file:
        try:
            return ssl.create_default_context(cafile=str(file))
        except (OSError, ssl.SSLError) as error:
            raise BadStoreOption(
                f"Store {store!r}: https_ca_certificates_file {file} cannot be used: {error}."
            ) from None
    if not options.get("https_insecure"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
