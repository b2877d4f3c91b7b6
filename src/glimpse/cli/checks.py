"""What must hold before the service starts, beyond each option being right by itself."""

import errno
import ipaddress
import socket
from typing import TYPE_CHECKING

from glimpse.api.address import listen_address
from glimpse.errors import Conflict, Invalid

if TYPE_CHECKING:
    from glimpse.config import Settings


def check_api(settings: "Settings") -> None:
    """Refuse whatever the HTTP API could not begin with, before anything starts: its server would start worker after
    worker, each of which ends with a traceback.

    Raises :class:`glimpse.errors.GlimpseError`.
    """
    check_authentication(settings)
    check_permissions(settings)
    check_limits(settings)
    check_keys(settings)
    check_schema(settings)
    check_reach(settings)


def check_authentication(settings: "Settings") -> None:
    """Refuse an authentication that does not exist here, or lacks what it needs.

    Raises :class:`glimpse.errors.Invalid`.
    """
    from glimpse.access.selection import authenticator_of, kind_of

    kind = kind_of(settings)
    options = settings.keystone_authtoken
    if kind == "keystone" and not (options.auth_type or options.auth_section):
        raise Invalid(
            "[keystone_authtoken] auth_type is missing: this service needs an account of its own in Keystone",
            hint="For example auth_type = password with auth_url, username, password, project_name, "
            "user_domain_name and project_domain_name.",
        )
    authenticator_of(settings).close()


def check_limits(settings: "Settings") -> None:
    """Refuse unified limits without what is needed to look them up. Raises :class:`glimpse.errors.Invalid`."""
    from glimpse.access.quotas import quotas_of

    quotas_of(settings).close()


def check_keys(settings: "Settings") -> None:
    """Refuse a key manager that is not there. Raises :class:`glimpse.errors.Invalid`."""
    from glimpse.access.key_manager import key_manager_of

    key_manager_of(settings)


def check_schema(settings: "Settings") -> None:
    """Refuse descriptions of properties that cannot be understood. Raises :class:`glimpse.errors.Invalid`."""
    from glimpse.api.customs import ImageSchema

    ImageSchema.of(settings)


def check_permissions(settings: "Settings") -> None:
    """Refuse policy files and rules about properties that cannot be understood.

    Raises :class:`glimpse.errors.Invalid`.
    """
    from glimpse.access.policy import Policy
    from glimpse.access.protection import Protection

    Protection.of(settings, Policy.of(settings))


def check_plugins(settings: "Settings") -> None:
    """Refuse an import plugin that cannot be loaded. Raises :class:`glimpse.errors.GlimpseError`."""
    from glimpse.imports.plugins import load

    load(settings.image_import_opts.image_import_plugins, settings)


def check_reach(settings: "Settings") -> None:
    """Refuse to listen where others can reach it without authentication, unless the operator insists.

    Raises :class:`glimpse.errors.Invalid`.
    """
    from glimpse.access.selection import kind_of

    if kind_of(settings) != "noauth" or settings.glimpse.noauth_beyond_loopback:
        return
    host = settings.default.bind_host
    if not is_loopback(host):
        raise Invalid(
            f"without authentication it does not listen on {host}: whoever reached it would be admin",
            hint="Listen on loopback (--host 127.0.0.1, or bind_host in [DEFAULT]), or authenticate callers: "
            "[paste_deploy] flavor = keystone or http_basic.",
        )


def is_loopback(host: str) -> bool:
    """Whether listening on ``host``, a name or an address, reaches this machine and nothing else."""
    return ipaddress.ip_address(listen_address(host).partition("%")[0]).is_loopback


def check_port(address: str, port: int) -> None:
    """Find out early whether the port can be had. Raises :class:`glimpse.errors.Conflict`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            reason = "is taken by another process" if error.errno == errno.EADDRINUSE else error.strerror
            raise Conflict(f"port {port} on {address} {reason}", hint="Choose another: --port") from error
