"""`@callable()`: which methods of an agent a client may call; and how methods are found by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from agents_sdk.errors import UnknownMethod

__all__ = ["CallableMethod", "callable", "callable_methods", "public_method"]

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


def callable_methods(cls: type) -> dict[str, CallableMethod]:
    """The methods of `cls` that clients may call, inherited ones too."""
    found = {}
    for name, method in inspect.getmembers_static(cls, inspect.isfunction):
        marked = getattr(method, _MARK, None)
        if isinstance(marked, CallableMethod):
            found[name] = marked
    return found


def public_method(cls: type, root: type, method: str | Callable[..., object]) -> str:
    """The name of a method that `cls` adds to `root`; `UnknownMethod` says which there are."""
    name = method if isinstance(method, str) else getattr(method, "__name__", repr(method))
    known = public_methods(cls, root)
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise UnknownMethod(
            f'{cls.__name__} has no method "{name}" that a schedule can call; it has {listed}'
        )
    return name


def public_methods(cls: type, root: type) -> frozenset[str]:
    """The names of the methods that a subclass of `root` adds, without those that start with `_`."""
    functions = {name for name, _ in inspect.getmembers_static(cls, inspect.isfunction)}
    return frozenset(name for name in functions if not name.startswith("_") and not hasattr(root, name))
