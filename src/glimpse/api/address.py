"""Which address to listen on when a name is given: operators write ``bind_host = localhost``."""

import socket

from glimpse.errors import Invalid


def listen_address(host: str) -> str:
    """The address that ``host`` stands for, IPv4 where it has both, since that is what every proxy tries.

    Raises :class:`glimpse.errors.Invalid` for a name that this machine cannot resolve.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Invalid(f"[DEFAULT] bind_host: {host} cannot be resolved ({error.strerror})") from error
    addresses = sorted((family != socket.AF_INET, str(address[0])) for family, _, _, _, address in found)
    return addresses[0][1]
