"""One living agent: the object, its parts, and what is under way in it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import typing
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import callable as callables
from agents_sdk import protocol
from agents_sdk.agent import Agent, Source
from agents_sdk.connection import Connection, Connections
from agents_sdk.directory import Listed
from agents_sdk.routing import kebab
from agents_sdk.schedule import Schedule, Schedules
from agents_sdk.shape import Shape
from agents_sdk.sql import SqlFile, SqlFiles
from agents_sdk.state import StateCell
from workflows import Binding, Engine, Store, Timers, WorkflowEntrypoint

__all__ = ["Ground", "Host"]

P = TypeVar("P")

log = logging.getLogger("agents_sdk")

_ERROR = "Internal Server Error"
_STATE_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Ground:
    """What all agents of an app stand on."""

    engine: Engine
    timers: Timers
    files: SqlFiles
    env: Any


class Host:
    """One (class, name) alive: `Surroundings` of its agent, and everything that reaches it from outside."""

    def __init__(self, cls: type[Agent[Any, Any]], listed: Listed, ground: Ground) -> None:
        self.name = listed.name
        self.env = ground.env
        self.connections = Connections()
        self.sql: SqlFile = ground.files.of(listed.id)
        owner = f'{cls.__name__} "{listed.name}"'
        shape: Shape[Any] = Shape(_state_type(cls), limit=_STATE_LIMIT)
        store: Store = ground.engine.store
        self.state: StateCell[Any] = StateCell(store, listed.id, shape, owner=owner)
        self.schedules = Schedules(ground.timers, listed.id, cls, Agent)
        self._engine = ground.engine
        self._owner = owner
        self._agent = cls()
        self._agent._around = self  # noqa: SLF001  # given here, as __init__ is the user's
        self._callable = callables.callable_methods(cls)
        self._started = False
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what the agent asks for

    def workflow(self, workflow: type[WorkflowEntrypoint[Any, P]] | str) -> Binding[P]:
        """See `Surroundings.workflow`."""
        return self._engine.workflow(workflow)

    async def change_state(self, value: object, source: Source) -> None:
        """See `Surroundings.change_state`: a client that changed the state is not told its own change."""
        without = () if source == "server" else (source.id,)

        async def announce(_: bytes) -> None:
            self.connections.broadcast(self._state_frame(), without=without)

        state = await self.state.change(
            value, check=lambda new: self._agent.validate_state_change(new, source), announce=announce
        )
        try:
            await self._agent.on_state_changed(state, source)
        except Exception as error:  # noqa: BLE001  # the state has changed; the hook's error is not the caller's
            await self.report(error, "on_state_changed")

    # -- what reaches the agent

    async def started(self) -> Agent[Any, Any]:
        """The agent, after its `on_start`; one that raised is called again for the next event."""
        async with self._starting:
            if not self._started:
                await self.state.load(self._agent.initial_state)
                await self._agent.on_start()
                self._started = True
        return self._agent

    async def request(self, request: Request) -> Response:
        """Answers an HTTP request; what a hook raises stays here."""
        try:
            agent = await self.started()
            return await agent.on_request(request)
        except Exception as error:  # noqa: BLE001  # the client gets no trace
            answer = await self.report(error, "on_request")
            return answer or PlainTextResponse(_ERROR, status_code=500)

    async def connected(self, connection: Connection, request: HTTPConnection) -> None:
        """Sends the first frames and lets the connection take part; raises what a hook raises."""
        agent = await self.started()
        follows: Literal[True] | None = True if self.state.known else None
        identity = protocol.Identity(name=self.name, agent=kebab(type(agent).__name__), stateFollows=follows)
        connection.send(protocol.encode(identity))
        if follows:
            connection.send(self._state_frame())
        connection.send(protocol.encode(protocol.McpServers()))
        self.connections.add(connection)
        await agent.on_connect(connection, request)

    async def received(self, connection: Connection, message: str | bytes) -> None:
        """Takes one message of a client; calls run beside each other, all else in order."""
        frame = protocol.parse(message) if isinstance(message, str) else None
        try:
            match frame:
                case protocol.StateChange(state=state):
                    await self._wished(connection, state)
                case protocol.RpcRequest():
                    self._spawn(self._called(connection, frame))
                case None:
                    await self._agent.on_message(connection, message)
        except Exception as error:  # noqa: BLE001  # one bad message does not end the connection
            await self.report(error, "on_message")

    async def left(self, connection: Connection, code: int, reason: str) -> None:
        """The client has left."""
        self.connections.remove(connection)
        connection.gone()
        if self._started:
            try:
                await self._agent.on_close(connection, code, reason)
            except Exception as error:  # noqa: BLE001  # nobody is left to tell
                await self.report(error, "on_close")

    async def fire(self, schedule: Schedule) -> None:
        """Runs a schedule that is due; raises what its method raises, so that it is tried again."""
        agent = await self.started()
        method = getattr(agent, callables.public_method(type(agent), Agent, schedule.callback))
        arguments = (schedule.payload, schedule)
        try:
            called = method(*arguments[: _takes(method)])
            if inspect.isawaitable(called):
                await called
        except Exception as error:
            await self.report(error, f"scheduled {schedule.callback}")
            raise

    async def stop(self, code: int, reason: str) -> None:
        """Closes the connections, ends what is under way, then calls `on_stop`."""
        await self.connections.close(code, reason)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._started:
            self._started = False
            try:
                await self._agent.on_stop()
            except Exception as error:  # noqa: BLE001  # the others are stopped all the same
                await self.report(error, "on_stop")

    async def report(self, error: Exception, where: str) -> Response | None:
        """Logs what a hook raised and tells `on_error`."""
        log.error("%s raised in %s", self._owner, where, exc_info=error)
        try:
            return await self._agent.on_error(error)
        except Exception:
            log.exception("%s raised in on_error", self._owner)
            return None

    # -- frames

    def _state_frame(self) -> str:
        return protocol.encode_state(self.state.encoded)

    async def _wished(self, connection: Connection, state: object) -> None:
        try:
            await self.change_state(state, connection)
        except Exception as error:  # noqa: BLE001  # the client learns that, not why
            log.info("%s refused a state of connection %s: %s", self._owner, connection.id, error)
            connection.send(protocol.encode(protocol.StateError(error="State update rejected")))

    async def _called(self, connection: Connection, call: protocol.RpcRequest) -> None:
        try:
            answer = await self._result(call)
        except Exception as error:  # noqa: BLE001  # an RPC error is for its caller
            connection.send(protocol.encode(protocol.RpcError(id=call.id, error=str(error))))
        else:
            connection.send(answer)

    async def _result(self, call: protocol.RpcRequest) -> str:
        if call.method not in self._callable:
            known = callables.public_methods(type(self._agent), object)
            why = "is not callable" if call.method in known else "does not exist"
            raise ValueError(f"Method {call.method} {why}")
        result = getattr(self._agent, call.method)(*call.args)
        if inspect.isawaitable(result):
            result = await result
        return protocol.encode(protocol.RpcResult(id=call.id, result=result))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _state_type(cls: type) -> Any:
    """The second type argument of the `Agent[Env, State]` that the class derives from."""
    for base in cls.__mro__:
        for generic in getattr(base, "__orig_bases__", ()):
            if typing.get_origin(generic) is Agent:
                state = typing.get_args(generic)[1]
                return Any if isinstance(state, TypeVar) else state
    return Any


def _takes(method: Any) -> int:
    """How many of (payload, schedule) a scheduled method takes."""
    parameters = inspect.signature(method).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(2, sum(one.kind in positional for one in parameters))
