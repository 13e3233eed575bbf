"""What other code of the process gets of an agent: its public attributes and methods."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

from agents_sdk.current import current_agent, entered
from agents_sdk.life.host import Host

__all__ = ["Face", "face_of"]


class Face:
    """Stands for a living agent and keeps it alive; its coroutine methods run like any event of the agent.

    It stays valid over a new life of the agent, until the app stops.
    """

    def __init__(self, host: Host) -> None:
        self.__dict__["_host"] = host

    def __getattr__(self, name: str) -> Any:
        host: Host = self.__dict__["_host"]
        if name.startswith("_"):
            raise AttributeError(f"{name!r} of {host} is private: agents offer their public methods")
        value = getattr(host.living, name)
        if inspect.iscoroutinefunction(value):
            return _event(host, name, value)
        return _entered(host, value) if inspect.ismethod(value) else value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name!r} of {self.__dict__['_host']} is set by its own methods only")

    def __repr__(self) -> str:
        return f"<{self.__dict__['_host']}>"


def _event(host: Host, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def call(*arguments: Any, **named: Any) -> Any:
        if host.is_doomed:
            raise host.over()
        async with host.event(principal=current_agent().principal) as agent:
            return await getattr(agent, name)(*arguments, **named)

    return call


def _entered(host: Host, method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that is not awaited runs at once, for its own agent as well."""

    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        with entered(host.living, principal=current_agent().principal):
            return method(*arguments, **named)

    return call


def face_of(host: Host) -> Face:
    """The one face of an agent, for as long as anybody holds it."""
    face = host.face()
    if not isinstance(face, Face):
        face = Face(host)
        host.face = weakref.ref(face)
    return face
