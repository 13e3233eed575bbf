"""What an agent does when something happens: nothing, until its class says otherwise."""

# ruff: noqa: ARG002  the hooks do nothing with what they are given

from __future__ import annotations

import logging
from collections.abc import Awaitable, Collection
from typing import Any, Generic

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from typing_extensions import TypeVar

from agents_sdk.address import PathStep
from agents_sdk.connection import Connection
from agents_sdk.fibers import Fiber, Resolution
from agents_sdk.state import Source
from workflows import Failure

__all__ = ["Hooks"]

_log = logging.getLogger(__name__)

State = TypeVar("State", default=Any)


class Hooks(Generic[State]):
    """The part of `Agent` that is there to be overridden."""

    async def on_start(self) -> None:
        """Called once in a life, before anything else; when it raises, again for the next event."""

    async def on_fiber_recovered(self, fiber: Fiber) -> Resolution | None:
        """A fiber was interrupted by the end of a life; called before `on_start`, again when it raises.

        Of a retained one, what is returned becomes the status: "completed", "aborted" or "error"; with None
        it stays interrupted, until `self.fibers.resolve`.
        """
        _log.warning('%s: fiber "%s" (%s) was interrupted', type(self).__name__, fiber.name, fiber.id)
        return None

    async def on_stop(self) -> None:
        """Called when it was idle for long, is destroyed, or the app stops; not after a crash."""

    async def on_request(self, request: Request) -> Response:
        """Answers an HTTP request."""
        return PlainTextResponse("Not implemented", status_code=404)

    async def on_before_sub_agent(
        self,
        request: HTTPConnection,
        child: PathStep,
    ) -> Response | HTTPConnection | None:
        """A client asks for a sub-agent, which may be a new one: None lets it in, as does the default.

        A `Response` refuses (a WebSocket is closed, with 4000 + its status if that is a 4xx), a request takes
        the place of this one. Nothing is made for who is refused.
        """
        return None

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        """A client has connected, and the first frames are on their way to it."""

    def get_connection_tags(
        self,
        connection: Connection,
        request: HTTPConnection,
    ) -> Collection[str] | Awaitable[Collection[str]]:
        """Up to 9 tags of a new connection besides its id, of 1 to 256 characters; `async def` is as good."""
        return ()

    def should_connection_be_readonly(
        self,
        connection: Connection,
        request: HTTPConnection,
    ) -> bool | Awaitable[bool]:
        """Whether a new connection may not change the state; asked once, before anything is sent to it."""
        return False

    def should_send_protocol_messages(
        self,
        connection: Connection,
        request: HTTPConnection,
    ) -> bool | Awaitable[bool]:
        """Whether a new connection is told of identity, state and MCP servers; asked once, at last."""
        return True

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        """A client sent what is no frame of the protocol; one after the other for each connection."""

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        """A client has left; not `was_clean`: without a word, or without an answer to ours."""

    async def on_workflow_progress(self, workflow: str, id: str, progress: Any) -> None:
        """An `AgentWorkflow` that this agent has started says how far it is; `workflow` is its name."""

    async def on_workflow_complete(self, workflow: str, id: str, result: Any) -> None:
        """It is complete. Called at least once, twice only around a crash; again when this raises."""

    async def on_workflow_error(self, workflow: str, id: str, error: Failure) -> None:
        """It has failed. Called at least once, twice only around a crash; again when this raises."""

    async def on_workflow_event(self, workflow: str, id: str, event: Any) -> None:
        """It has sent an event by `step.send_event`; again when this raises."""

    def validate_state_change(self, state: State, source: Source) -> None:
        """Raises to refuse a state; a client learns that it was refused, not why."""

    async def on_state_changed(self, state: State, source: Source) -> None:
        """The state has changed, and the clients have been told."""
