"""One WebSocket, from its upgrade to its end."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

from starlette.types import Message, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from agents_sdk.agent import Agent
from agents_sdk.connection import Closing, Connection
from agents_sdk.entrance.kind import decide
from agents_sdk.errors import NotRunning
from agents_sdk.given_up import told_as_error
from agents_sdk.life.host import Host, StartFailed
from agents_sdk.security.access import principal_of
from agents_sdk.security.standing import Standing
from agents_sdk.sockets.outlet import outlet
from agents_sdk.wire.greeting import greet

__all__ = ["Session"]

_log = logging.getLogger(__name__)

_UNDER_WAY = 100  # messages of one connection; more wait in its socket
_GOODBYE = 5.0  # seconds for a client to answer a close frame
_SETUP_FAILED = Closing(1011, "Uncaught exception during session setup")
_RESTARTING = Closing(1012, "service restart")
_LOST = Closing(1006)


class Session:
    """Takes the messages of one client in order, and writes what its connection is sent.

    The upgrade is accepted at once, as clients wait 4 seconds only: messages that come while the agent starts
    wait in the socket. Messages for `on_message` are handled one after the other; calls and changes of the
    state do not wait for them.
    """

    def __init__(
        self,
        host: Host,
        socket: WebSocket,
        send: Send,
        *,
        standing: Standing,
        calls: asyncio.Semaphore | None,
    ) -> None:
        """`send` is the ASGI way to the socket.

        `calls` is entered for each message besides, if its sender is counted.
        """
        self._host = host
        self._socket = socket
        self._send = send
        self._standing = standing
        self._calls = calls
        self._connection = Connection(
            socket.query_params.get("_pk") or uuid.uuid4().hex,
            str(socket.url),
            settled=host.unsettled,
            principal=principal_of(socket),
        )
        self._joined = False
        self._slots = asyncio.Semaphore(_UNDER_WAY)
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Returns when the client has left, or was closed."""
        if self._socket.application_state is WebSocketState.CONNECTING:
            await self._socket.accept()
        way = await outlet(self._socket, self._send)
        with self._host.pinned():
            reading = asyncio.create_task(self._read())
            writing = asyncio.create_task(self._connection.write_to(way))
            watching = asyncio.create_task(self._standing.watch(self._connection.close))
            try:
                await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
                await self._say_goodbye(reading)
            finally:
                for task in (reading, writing, watching):
                    task.cancel()
                left, *_ = await asyncio.gather(reading, writing, watching, return_exceptions=True)
                if isinstance(left, Closing):
                    self._leave(left, left.code != _LOST.code)
                else:
                    self._leave(self._connection.closing or _LOST, False)

    async def _say_goodbye(self, reading: asyncio.Task[Closing]) -> None:
        closing = self._connection.closing
        if closing is None:
            await asyncio.wait({reading})
            return
        try:
            async with asyncio.timeout(_GOODBYE):
                if self._connection.dropped:
                    await self._socket.close(closing.code, closing.reason)
                await asyncio.wait({reading})
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            _log.debug("connection %s did not answer that it was closed", self._connection.id)

    def _leave(self, closing: Closing, was_clean: bool) -> None:
        self._host.connections.remove(self._connection)
        self._connection.drop(closing)
        if self._joined:
            self._host.spawn(self._tell_close(closing, was_clean))

    async def _read(self) -> Closing:
        await self._open()
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return _left(message)
            await self._slots.acquire()
            if self._calls is not None:
                await self._calls.acquire()
            taking = self._host.spawn(self._take(message))
            taking.add_done_callback(self._taken)

    def _taken(self, _taking: asyncio.Task[None]) -> None:
        self._slots.release()
        if self._calls is not None:
            self._calls.release()

    async def _open(self) -> None:
        connection = self._connection
        try:
            async with self._host.event(connection, self._socket) as agent:
                try:
                    with told_as_error():
                        await decide(agent, connection, self._socket)
                        self._greet(agent)
                        await agent.on_connect(connection, self._socket)
                    self._joined = True
                except Exception as error:  # noqa: BLE001  # the client sees the close code
                    await self._host.report(error)
                    self._refuse(_SETUP_FAILED)
        except StartFailed:
            self._refuse(_SETUP_FAILED)
        except NotRunning:
            self._refuse(_RESTARTING)

    def _greet(self, agent: Agent[Any, Any]) -> None:
        """Nothing else happens between: no change is missed, and none comes before what it changes."""
        self._host.connections.add(self._connection)
        greet(agent, self._connection, self._host.definition.kebab)

    def _refuse(self, closing: Closing) -> None:
        self._host.connections.remove(self._connection)
        self._connection.close(closing.code, closing.reason)

    async def _take(self, message: Message) -> None:
        text = message.get("text")
        take = None if text is None else self._host.definition.takers.found(text)
        async with self._host.event(self._connection) as agent:
            if not self._connection.is_open:  # what comes after it was refused is nobody's
                return
            if take is not None:
                await take(agent, self._connection)
            else:
                await self._tell_message(agent, message["bytes"] if text is None else text)

    async def _tell_message(self, agent: Agent[Any, Any], message: str | bytes) -> None:
        async with self._host.in_turn(self._turn):
            try:
                with told_as_error():
                    await agent.on_message(self._connection, message)
            except Exception as error:  # noqa: BLE001  # the connection stays open
                await self._host.report(error)

    async def _tell_close(self, closing: Closing, was_clean: bool) -> None:
        async with self._host.in_turn(self._turn), self._host.event(self._connection) as agent:
            try:
                with told_as_error():
                    await agent.on_close(self._connection, closing.code, closing.reason, was_clean)
            except Exception as error:  # noqa: BLE001  # there is nobody left to tell
                await self._host.report(error)


def _left(message: Message) -> Closing:
    """What a disconnect says; servers that got no close frame give 1005, and no reason at all."""
    code = message.get("code") or 1005
    if code == 1005 and "reason" not in message:
        return _LOST
    return Closing(code, message.get("reason") or "")
