"""`AgentsApp`: agents and workflows as one ASGI application."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from agents_sdk.agent import Agent
from agents_sdk.connection import Connection
from agents_sdk.errors import NotRunning
from agents_sdk.host import Host
from agents_sdk.hosts import Hosts
from agents_sdk.routing import Route, route
from workflows import Clock, Engine, WorkflowEntrypoint

__all__ = ["AgentsApp"]

A = TypeVar("A", bound=Agent[Any, Any])

Classes = Iterable[type[Agent[Any, Any]]] | Mapping[str, type[Agent[Any, Any]]]
Workflows = Iterable[type[WorkflowEntrypoint[Any, Any]]] | Mapping[str, type[WorkflowEntrypoint[Any, Any]]]

log = logging.getLogger("agents_sdk")

_NOT_STARTED = (
    "AgentsApp is not started: an app that is mounted is started by the outer app's lifespan, "
    "e.g. FastAPI(lifespan=agents.lifespan)"
)
_RESTART = 1012
_FAILED = 1011


class AgentsApp:
    """An ASGI app that serves `/agents/{agent}/{name}` over HTTP and WebSocket.

    Everything is kept in the folder `data`, which one process owns at a time; or in `engine`, which stays
    open when the app stops. Start it by serving it, by `async with app`, or by `lifespan` when mounted.
    """

    def __init__(
        self,
        agents: Classes,
        workflows: Workflows = (),
        *,
        data: str | os.PathLike[str] = ".agents",
        env: Any = None,
        engine: Engine | None = None,
        clock: Clock | None = None,
        prefix: str = "agents",
    ) -> None:
        """`agents` and `workflows` may be dicts of binding names; `prefix` is the first part of the path."""
        self._data = Path(data)
        self._engine = engine or Engine(self._data / "agents.db", workflows, env=env, clock=clock)
        self._owns_engine = engine is None
        self._prefix = prefix
        self._hosts = Hosts(agents, env=env)
        self._running = False

    async def start(self) -> None:
        """Opens the data, resumes unfinished workflows, and calls what has become due."""
        if self._running:
            return
        if self._owns_engine:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            await self._engine.open()
        await self._hosts.open(self._engine, self._data / "sql")
        self._running = True

    async def stop(self) -> None:
        """Closes connections with code 1012, lets agents and workflows go; nothing is lost."""
        if not self._running:
            return
        self._running = False
        await self._hosts.close(_RESTART, "service restart")
        if self._owns_engine:
            await self._engine.close()

    async def get_agent(self, cls: type[A], name: str) -> A:
        """The living agent, started: call its methods. It is the one that serves the clients, too."""
        self._check()
        agent = await (await self._hosts.get(cls, name)).started()
        assert isinstance(agent, cls)
        return agent

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002
        """For an outer app: started inside, stopped after."""
        async with self:
            yield

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "http":
                await self._serve_http(scope, receive, send)
            case "websocket":
                await self._serve_socket(WebSocket(scope, receive, send))

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol of ASGI."""
        await receive()
        try:
            await self.start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._refusal(found := route(scope, self._prefix))
        if answer is None and found is not None:
            host = await self._hosts.get(self._hosts.classes[found.agent], found.name)
            answer = await host.request(Request(scope, receive))
        assert answer is not None
        await answer(scope, receive, send)

    def _refusal(self, found: Route | None) -> Any:
        """The answer to what no agent gets."""
        if found is None:
            return PlainTextResponse("Not Found", status_code=404)
        if not self._running:
            log.error(_NOT_STARTED)
            return PlainTextResponse("Service Unavailable", status_code=503)
        if found.agent not in self._hosts.classes:
            return PlainTextResponse("Invalid request", status_code=400)
        return None

    async def _serve_socket(self, socket: WebSocket) -> None:
        found = route(socket.scope, self._prefix)
        refusal = self._refusal(found)
        if refusal is not None or found is None:
            await socket.send_denial_response(refusal)
            return
        await socket.accept()
        connection = Connection(socket.query_params.get("_pk") or uuid.uuid4().hex, socket)
        host = await self._hosts.get(self._hosts.classes[found.agent], found.name)
        try:
            await host.connected(connection, socket)
        except Exception as error:  # noqa: BLE001  # the client sees the close code
            await host.report(error, "on_connect")
            connection.close(_FAILED, "internal error")
            await connection.closed()
        code, reason = await _read(socket, connection, host)
        await host.left(connection, code, reason)

    def _check(self) -> None:
        if not self._running:
            raise NotRunning(_NOT_STARTED)


async def _read(socket: WebSocket, connection: Connection, host: Host) -> tuple[int, str]:
    """Hands every message to the host, in order, until the client leaves; gives the close code and reason."""
    try:
        while connection.is_open:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return message.get("code") or 1005, message.get("reason") or ""
            text = message.get("text")
            await host.received(connection, message["bytes"] if text is None else text)
    except (WebSocketDisconnect, RuntimeError):
        log.debug("connection %s was lost", connection.id)
    return 1006, ""
