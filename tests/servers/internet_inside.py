"""The first process of an internet in a box: makes every address its own, then hands out sockets.

Runs by itself, as root of new user, network and mount namespaces; talks over the socket whose number it is given.
Ends when the other side does.
"""

import fcntl
import json
import socket
import struct
import subprocess
import sys
from pathlib import Path

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
# Of rtnetlink: a new route to this host (type and table "local"), which the kernel confirms.
_NEW_ROUTE, _REQUEST_ACK_CREATE, _ERROR = 24, 0x405, 2
_TABLE_LOCAL, _STATIC, _SCOPE_HOST, _LOCAL, _INTERFACE = 255, 4, 254, 2, 4
_ALL_FRAMES = 0x0003


def bring_up() -> None:
    """Switch the loopback interface on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        name, flags = struct.unpack("16sh14x", fcntl.ioctl(sock, _GET_FLAGS, struct.pack("16s16x", b"lo")))
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", name, flags | _UP))


def own_every_address(family: int) -> None:
    """``ip route add local default dev lo``: whoever connects to any address meets a listener here."""
    route = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _TABLE_LOCAL, _STATIC, _SCOPE_HOST, _LOCAL, 0)
    route += struct.pack("=HHI", 8, _INTERFACE, socket.if_nametoindex("lo"))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(route), _NEW_ROUTE, _REQUEST_ACK_CREATE, 1, 0) + route)
        _, kind, _, _, _, error = struct.unpack_from("=IHHIIi", sock.recv(4096))
    if kind != _ERROR or error:
        raise OSError(-error, f"no route for family {family}")


def resolve_here(directory: Path) -> None:
    """Give all programs here the resolver configuration that lies in ``directory``."""
    for name in ("resolv.conf", "nsswitch.conf"):
        target = Path("/etc", name).resolve()
        if target.exists():
            subprocess.run(["mount", "--bind", directory / name, target], check=True)


def make(kind: str, host: str, port: int) -> socket.socket:
    """A socket of this network."""
    if kind == "frames":
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if kind == "connection":
        sock = socket.create_connection((host, port), timeout=10)
        sock.setblocking(True)
        return sock
    if kind == "datagrams":
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind((host, port))
        return sock
    # Ports are shared, so that one listener may have an address and another all the rest.
    return socket.create_server(
        (host, port), family=family, backlog=256, reuse_port=True, dualstack_ipv6=host == "::"
    )


def main() -> None:
    """Serve requests ``[kind, host, port]`` with a socket or the reason why there is none."""
    control = socket.socket(fileno=int(sys.argv[1]))
    bring_up()
    own_every_address(socket.AF_INET)
    own_every_address(socket.AF_INET6)
    resolve_here(Path(sys.argv[2]))
    control.send(b"ready")
    while request := control.recv(4096):
        try:
            with make(*json.loads(request)) as made:
                socket.send_fds(control, [b"here"], [made.fileno()])
        except OSError as error:
            control.send(f"{request.decode()}: {error}".encode())


if __name__ == "__main__":
    main()
