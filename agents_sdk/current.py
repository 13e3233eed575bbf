"""`current_agent()`: for which agent the running code works, and who asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from agents_sdk.connection import Connection
from agents_sdk.principal import Principal

__all__ = ["Current", "current_agent", "entered"]


@dataclass(frozen=True, slots=True)
class Current:
    """All four are None outside of agents; who asks is unknown to schedules and calls of other code."""

    agent: Any = None
    """The object itself."""
    connection: Connection | None = None
    """Whose message, call or state is being handled."""
    request: HTTPConnection | None = None
    """What is being answered: a request, or the upgrade of a connection that is being opened."""
    principal: Principal | None = None
    """For whom all that is done, as the hook of the app said; also in the agents that are called for it."""


_current: ContextVar[Current] = ContextVar("current_agent", default=Current())  # noqa: B039  it is frozen


def current_agent() -> Current:
    """The agent for which the running code works; tasks inherit it from the code that started them."""
    return _current.get()


@contextmanager
def entered(
    agent: object,
    connection: Connection | None = None,
    request: HTTPConnection | None = None,
    principal: Principal | None = None,
) -> Iterator[None]:
    """Inside, this is current; it hides what was."""
    token = _current.set(Current(agent, connection, request, principal))
    try:
        yield
    finally:
        _current.reset(token)
