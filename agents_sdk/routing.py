"""From a URL to an agent: `/agents/{kebab of the binding}/{name}[/path]`, read from the raw path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

__all__ = ["Route", "kebab", "route", "split_path"]

_CAPITAL = re.compile("[A-Z]")


@dataclass(frozen=True, slots=True)
class Route:
    """What a URL says: the agent's kebab name, the instance name as it stands in the URL, and the rest."""

    agent: str
    name: str
    path: tuple[str, ...]


def kebab(name: str) -> str:
    """The URL spelling of a binding or class name, as the clients write it: `ChatAgent` → `chat-agent`."""
    if name == name.upper():
        return name.lower().replace("_", "-")
    dashed = _CAPITAL.sub(lambda capital: "-" + capital[0].lower(), name)
    return dashed.removeprefix("-").replace("_", "-").removesuffix("-")


def route(scope: Mapping[str, Any], prefix: str = "agents") -> Route | None:
    """The route of an ASGI scope; None when its path is not one of an agent.

    The raw segment is the name: clients neither encode nor decode it, so `a%2Fb` stays `a%2Fb`.
    """
    segments = _raw_segments(scope)
    mounted = _after(scope.get("root_path") or "", segments)
    below = _after(prefix, segments if mounted is None else mounted)
    if below is None or len(below) < 2:
        return None
    return Route(below[0], below[1], tuple(below[2:]))


def _raw_segments(scope: Mapping[str, Any]) -> list[str]:
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    try:
        return split_path(raw.partition(b"?")[0].decode())
    except UnicodeDecodeError:
        return []


def split_path(path: str) -> list[str]:
    """The parts of a path, as they stand there; empty ones do not count."""
    return [segment for segment in path.split("/") if segment]


def _after(parent: str, segments: list[str]) -> list[str] | None:
    above = split_path(parent)
    if [unquote(segment) for segment in segments[: len(above)]] != above:
        return None
    return segments[len(above) :]
