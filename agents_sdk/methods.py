"""The methods that a class adds to `Agent`: the only names that a schedule or a client reaches.

A name that was stored or sent is looked up here, never on an object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from agents_sdk.callable import CallableMethod, marked
from agents_sdk.errors import AgentError, InvalidAgent, InvalidSchedule, UnknownMethod

__all__ = ["Method", "Methods", "methods_of"]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Method:
    """A public method of an agent class; `call` is the plain function, which takes the agent first."""

    name: str
    call: Callable[..., Any]
    takes: int
    """How many of (payload, schedule or item) it takes."""
    callable: CallableMethod | None


@dataclass(frozen=True, slots=True)
class Methods:
    """The public methods of one agent class."""

    cls: str
    known: Mapping[str, Method]
    callables: Mapping[str, Method]
    """Those that clients may call, by the names that clients use."""

    def named(self, name: str) -> Method:
        """The method with this name; `UnknownMethod` says which there are."""
        if name not in self.known:
            listed = ", ".join(sorted(self.known)) or "no public methods"
            raise UnknownMethod(f'{self.cls} has no method "{name}" to call; it has {listed}')
        return self.known[name]

    def given(
        self,
        method: str | Callable[..., object],
        agent: object,
        *,
        wrong: type[AgentError] = InvalidSchedule,
    ) -> Method:
        """The method that is given by its name, or as a bound method of `agent`; else `wrong` is raised."""
        if isinstance(method, str):
            return self.named(method)
        bound = inspect.unwrap(method, stop=inspect.ismethod)  # from outside, it is the method of a face
        if inspect.ismethod(bound) and bound.__self__ is agent:
            return self.named(bound.__name__)
        raise wrong(f"{method!r} is no method of this {self.cls}: give a name, or a bound method of itself")


def methods_of(cls: type, root: type) -> Methods:
    """The methods that `cls` and its bases add to `root`, without those whose name starts with `_`."""
    found = {
        name: Method(name, function, _takes(function), marked(function))
        for name, function in inspect.getmembers_static(cls, inspect.isfunction)
        if not name.startswith("_") and not hasattr(root, name)
    }
    return Methods(cls.__name__, MappingProxyType(found), MappingProxyType(_callables(cls, found)))


def _callables(cls: type, known: Mapping[str, Method]) -> dict[str, Method]:
    found: dict[str, Method] = {}
    for method in known.values():
        if method.callable is None:
            continue
        name = method.callable.name or method.name
        if name in found:
            raise InvalidAgent(
                f'two methods of {cls.__name__} are callable as "{name}", '
                f"{found[name].name} and {method.name}: give one another name="
            )
        found[name] = method
    return found


def _takes(function: Callable[..., object]) -> int:
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return 2
    return min(2, sum(one.kind in _POSITIONAL for one in parameters) - 1)
