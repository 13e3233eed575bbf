"""`@callable()`: which methods of an agent a client may call."""

from __future__ import annotations

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


def callable(*, description: str = "") -> Callable[[F], F]:  # noqa: A001  # the original's name
    """Marks a method that clients may call over a WebSocket; all others are out of their reach."""

    def mark(method: F) -> F:
        setattr(method, _MARK, CallableMethod(description))
        return method

    return mark


def marked(method: object) -> CallableMethod | None:
    """What `@callable()` said of a method; None when it is not marked."""
    found = getattr(method, _MARK, None)
    return found if isinstance(found, CallableMethod) else None
