"""`Agent`: the class that users write. It carries the daily verbs; the rest lives in its parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk.connection import Connection, Connections
from agents_sdk.schedule import Method, Schedule, Schedules
from agents_sdk.sql import Row, SqlFile
from agents_sdk.state import StateCell
from workflows import Binding, WorkflowEntrypoint

__all__ = ["Agent", "Source", "Surroundings"]

Env = TypeVar("Env")
State = TypeVar("State")
P = TypeVar("P")

Source = Literal["server"] | Connection
"""Who changes a state: the agent's own code, or a client."""


class Surroundings(Protocol):
    """What a living agent has around it."""

    @property
    def name(self) -> str: ...
    @property
    def env(self) -> Any: ...
    @property
    def state(self) -> StateCell[Any]: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def sql(self) -> SqlFile: ...
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, P]] | str) -> Binding[P]: ...
    async def change_state(self, value: object, source: Source) -> None: ...


class Agent(Generic[Env, State]):
    """A stateful object with a name: one living object for each (class, name), all on one event loop.

    Derive from `Agent[Env, State]`. Hooks and calls interleave at awaits; the runs of one schedule do not
    overlap.
    """

    initial_state: Any = None
    """The state until the first `set_state`."""

    _around: Surroundings

    # -- what it knows

    @property
    def name(self) -> str:
        """The name under which it is addressed: the segment of the URL, as it stands there."""
        return self._around.name

    @property
    def env(self) -> Env:
        """What the app was given as `env`, else the workflow bindings: `self.env.MY_WORKFLOW`."""
        env: Env = self._around.env
        return env

    @property
    def state(self) -> State:
        """A copy of the state; `set_state` changes it."""
        value: Any = self._around.state.value
        return cast(State, value)

    @property
    def schedules(self) -> Schedules:
        """The schedules of this agent."""
        return self._around.schedules

    @property
    def connections(self) -> Connections:
        """The open connections of this agent."""
        return self._around.connections

    # -- what it does

    async def set_state(self, state: State) -> None:
        """Replaces the state: validated, committed, sent to every client, then `on_state_changed`.

        Durable when it returns. Raises `InvalidState` when `state` does not fit.
        """
        await self._around.change_state(state, "server")

    async def sql(self, query: str, *params: object) -> list[Row]:
        """The rows of one statement on this agent's private database; committed when this returns."""
        return await self._around.sql.run(query, params)

    async def schedule(
        self,
        when: float | timedelta | datetime | str,
        method: Method,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
    ) -> Schedule:
        """Calls `method(payload)` after seconds, at an aware datetime or by cron; durable when it returns.

        A string with five or six fields, or that starts with `@`, is cron in UTC; any other is a duration.
        `method` may take the schedule as a second parameter. It is called at least once: again when it raised
        or when the process died in it. A cron schedule that exists with the same method and payload is
        returned as it is (`idempotent=False`: another one); one-shots do that with `idempotent=True`, and all
        do with an equal `key`.
        """
        return await self.schedules.add(when, method, payload, key=key, idempotent=idempotent)

    async def schedule_every(
        self, seconds: float | timedelta | str, method: Method, payload: Any = None, *, key: str | None = None
    ) -> Schedule:
        """Calls `method(payload)` at a fixed rate, first after one interval; runs do not overlap."""
        return await self.schedules.add_every(seconds, method, payload, key=key)

    async def get_schedule(self, id: int) -> Schedule | None:
        """The schedule with this id, if it is this agent's."""
        return await self.schedules.get(id)

    async def get_schedules(self) -> list[Schedule]:
        """All schedules of this agent, the next one first."""
        return await self.schedules.list()

    async def cancel_schedule(self, id: int) -> bool:
        """True: it was there, and is not called any more."""
        return await self.schedules.cancel(id)

    def workflow(self, workflow: type[WorkflowEntrypoint[Any, P]] | str) -> Binding[P]:
        """The binding of a workflow, by its class or its name."""
        return self._around.workflow(workflow)

    def broadcast(self, message: str | bytes, *, without: Collection[str] = ()) -> None:
        """Sends a message to every client, except connections with an id in `without`."""
        self.connections.broadcast(message, without=without)

    # -- what it is told

    async def on_start(self) -> None:
        """Called once in its life, before everything else; when it raises, again before the next event."""

    async def on_stop(self) -> None:
        """Called when the app lets it go; not after a crash."""

    async def on_request(self, request: Request) -> Response:  # noqa: ARG002
        """Answers an HTTP request."""
        return PlainTextResponse("Not implemented", status_code=404)

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        """A client has connected and has been sent the state."""

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        """A client sent what is no frame of the protocol; one after the other for each connection."""

    async def on_close(self, connection: Connection, code: int, reason: str) -> None:
        """A client has left."""

    async def on_error(self, error: Exception) -> Response | None:  # noqa: ARG002
        """A hook or a scheduled call raised; it is logged. What this returns answers an HTTP client."""
        return None

    def validate_state_change(self, state: State, source: Source) -> None:
        """Raises to refuse a state; a client is told that it was refused, not why."""

    async def on_state_changed(self, state: State, source: Source) -> None:
        """The state has changed, and everybody has been told."""


Hook = Callable[..., Awaitable[Any]]
