"""`@callable()`: which methods of an agent a client may call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["CallableMethod", "callable", "marked"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__agent_callable__"


@dataclass(frozen=True, slots=True)
class CallableMethod:
    """What `@callable()` says of a method."""

    description: str
    name: str | None
    """By which clients call it, instead of by its own."""
    streaming: bool
    """It is given a `StreamingResponse` before the arguments of the client."""
    most: int | None
    """How many arguments of a client it takes; more are left out. None: all."""
    gives_nothing: bool
    """It is annotated to return None, which clients see as no result, and not as null."""

    def arguments(self, given: list[Any]) -> list[Any]:
        """As many as the method takes."""
        return given if self.most is None else given[: self.most]


def callable(  # noqa: A001  # the original's name
    *, description: str = "", name: str | None = None, streaming: bool = False
) -> Callable[[F], F]:
    """Marks a method that clients may call over a WebSocket; all others are out of their reach.

    An async generator sends what it yields. With `streaming=True` the method is given a `StreamingResponse`
    before the arguments of the client. Clients call it by `name`, where one is given, and only so.
    """

    def mark(method: F) -> F:
        setattr(method, _MARK, _looked_at(method, description, name, streaming))
        return method

    return mark


def marked(method: object) -> CallableMethod | None:
    """What `@callable()` said of a method; None when it is not marked."""
    found = getattr(method, _MARK, None)
    return found if isinstance(found, CallableMethod) else None


def _looked_at(
    method: Callable[..., Any], description: str, name: str | None, streaming: bool
) -> CallableMethod:
    signature = inspect.signature(method)
    kinds = [one.kind for one in signature.parameters.values()]
    positional = sum(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds
    )
    before = 2 if streaming else 1  # the agent, and the stream
    return CallableMethod(
        description=description,
        name=name,
        streaming=streaming,
        most=None if inspect.Parameter.VAR_POSITIONAL in kinds else max(0, positional - before),
        gives_nothing=signature.return_annotation in (None, "None", type(None)),
    )
