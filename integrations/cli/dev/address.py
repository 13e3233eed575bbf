"""Where to listen: on this machine only, unless it is said twice."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from integrations.cli.errors import CommandError

__all__ = ["listen", "refuse_strangers"]


def refuse_strangers(host: str) -> None:
    """Raises `CommandError` when `host` can be reached from other machines."""
    if host == "localhost":
        return
    try:
        own = ip_address(host).is_loopback
    except ValueError:
        own = False
    if not own:
        raise CommandError(
            f"{host} can be reached from other machines, and nothing here asks who is calling: "
            "listen on 127.0.0.1, or say --insecure-no-auth as well"
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that callers can wait at from now on; port 0 takes a free one.

    Raises `CommandError` when it cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise CommandError(f"{host!r} is not an address of this machine: use 127.0.0.1") from None
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        raise CommandError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port, or 0 for a free one"
        ) from None
    bound.set_inheritable(True)
    return bound
