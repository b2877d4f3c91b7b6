"""What must hold before the service starts, beyond each option being right by itself."""

import errno
import ipaddress
import socket
from typing import TYPE_CHECKING

from glimpse.errors import Conflict, Invalid

if TYPE_CHECKING:
    from glimpse.config import Settings


def check_authentication(settings: "Settings") -> None:
    """Refuse an authentication that does not exist here; falling back to none would open a cloud to all.

    Raises :class:`glimpse.errors.Invalid`.
    """
    flavor = settings.paste_deploy.flavor or ""
    if "keystone" in flavor:
        raise Invalid(
            f"[paste_deploy] flavor = {flavor} asks for Keystone authentication, which this version lacks",
            hint="It never falls back to none. To run without, on loopback only, leave flavor empty.",
        )


def check_reach(settings: "Settings") -> None:
    """Refuse to listen where others can reach it, as long as there is no authentication.

    Raises :class:`glimpse.errors.Invalid`.
    """
    host = settings.default.bind_host
    if not is_loopback(host):
        raise Invalid(
            f"without authentication it does not listen on {host}: whoever reached it would be admin",
            hint="Listen on loopback (--host 127.0.0.1, or bind_host in [DEFAULT]); let others in by what "
            "authenticates them, such as an SSH tunnel or a reverse proxy.",
        )


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine and nothing but this machine."""
    try:
        addresses = {str(item[4][0]) for item in socket.getaddrinfo(host or "0.0.0.0", None)}
    except OSError as error:
        raise Invalid(
            f"[DEFAULT] bind_host: {host} is no address of this machine ({error.strerror})"
        ) from error
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses)


def check_port(host: str, port: int) -> None:
    """Find out early whether the port can be had. Raises :class:`glimpse.errors.Conflict`."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reason = "is taken by another process" if error.errno == errno.EADDRINUSE else error.strerror
            raise Conflict(f"port {port} on {host} {reason}", hint="Choose another: --port") from error
