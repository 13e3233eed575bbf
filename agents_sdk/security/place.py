"""Places on the net: what names this machine only, and how a name with a port is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

__all__ = ["Origin", "is_loopback", "origin_of", "split_host"]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case, and port."""

    scheme: str
    host: str
    port: int | None


def is_loopback(host: str) -> bool:
    """Whether this names the own machine: `localhost`, 127.0.0.0/8 or ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def split_host(header: str) -> tuple[str, int | None] | None:
    """Host and port of a `Host` header; None when it is none."""
    found = _HOST.fullmatch(header)
    if found is None:
        return None
    host, port = found.groups()
    return host.strip("[]").lower().removesuffix("."), None if port is None else int(port)


def origin_of(header: str) -> Origin | None:
    """What an `Origin` header says; None for `null`, and for what is none."""
    scheme, separator, rest = header.lower().partition("://")
    split = split_host(rest)
    if not separator or split is None or urlsplit(f"//{rest}").username is not None:
        return None
    host, port = split
    return Origin(scheme, host, _PORTS.get(scheme) if port is None else port)
