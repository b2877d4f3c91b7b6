"""What must hold before the service starts, beyond each option being right by itself."""

import errno
import ipaddress
import socket
from typing import TYPE_CHECKING

from glimpse.api.address import listen_address
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
