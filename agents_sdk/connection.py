"""A WebSocket connection as its agent sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocketDisconnect

from agents_sdk.principal import Principal
from agents_sdk.sockets.chain import Chain, Link
from agents_sdk.sockets.outbox import Outbox, Span
from agents_sdk.sockets.outlet import Outlet
from agents_sdk.sockets.own import weight

__all__ = ["Closing", "Connection", "checked"]

_log = logging.getLogger(__name__)

_MANY = 4 << 20  # bytes that may wait for a client that has taken nothing for so long
_ROOMY = 1 << 20  # bytes that may wait before a sender is asked to wait
_PATIENCE = 10.0  # seconds
_TOO_MANY = 64 << 20  # bytes that may wait at all; one message may be larger
_TOO_SLOW = 1013
_CODES = {1000, 1001, 1002, 1003, *range(1007, 1015)}  # those of RFC 6455 that may be sent
_REASON = 123  # bytes that fit into a close frame


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ends."""

    code: int
    reason: str = ""


_UNWRITABLE = Closing(1011, "a message could not be written")


def checked(message: str | bytes) -> str | bytes:
    """What can be sent; raises `TypeError`, or `ValueError` for a text with half a surrogate pair."""
    if not isinstance(message, str | bytes):
        raise TypeError(f"a message is str or bytes, not {type(message).__name__}: send json.dumps(…)")
    if isinstance(message, str) and not message.isascii():
        message.encode()
    return message


class Connection:
    """One client. What is sent is queued, and written in order by the connection's own writer: together with
    what else waits, so that many messages cost little more than one.

    Sending never waits: a client that does not read is closed with code 1013, when 4 MiB are queued and it
    has taken nothing for 10 seconds, or when 64 MiB are queued. `state` is whatever the agent keeps about
    this connection, in memory.
    """

    def __init__(
        self,
        id: str,
        uri: str,
        *,
        settled: Callable[[], Awaitable[object] | None],
        principal: Principal | None = None,
    ) -> None:
        """`settled` gives what a message must wait for before it leaves, if there is anything."""
        self.id = id
        self.uri = uri
        self.principal = principal
        """Who opened it, as the hook of the app said."""
        self.state: Any = None
        self.tags: tuple[str, ...] = (id,)
        """Its id, and what the agent's `get_connection_tags` gave it."""
        self.told = True
        """It is sent the identity, the state and the MCP servers of the agent, now and after changes."""
        self._readonly = False
        self._settled = settled
        self._outbox = Outbox()
        self._taken_at = 0.0
        self._closing: Closing | None = None
        self._writer: asyncio.Task[object] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._gone = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._is_told_of_end = False
        self.dropped = False
        """It ended without its client being told."""

    @property
    def is_readonly(self) -> bool:
        """It may not change the state: neither by itself nor by what is done for its messages and calls."""
        return self._readonly

    def set_readonly(self, readonly: bool = True) -> None:
        """From now on it may not change the state, or may again."""
        self._readonly = readonly

    @property
    def is_open(self) -> bool:
        """What is sent may still arrive."""
        return self._closing is None

    @property
    def closing(self) -> Closing | None:
        """How this side closed it."""
        return self._closing

    @property
    def queued(self) -> int:
        """Bytes that wait until its client takes them, give or take."""
        return self._outbox.weight

    def send(self, message: str | bytes) -> None:
        """Queues a message, text or binary; to a connection that is not open it is dropped."""
        self.put(checked(message))

    def put(self, message: str | bytes) -> None:
        """Queues a message that was `checked`."""
        if self.has_room(message):
            self._outbox.put(message)
            self.wake()

    def follow(self, chain: Chain) -> None:
        """From now on it is sent what is appended to the chain, in order with what it is sent itself."""
        self._outbox.follow(chain)

    def leave(self) -> None:
        """Nothing that is appended to the chain from now on is for it."""
        self._outbox.leave()

    def skip(self, link: Link) -> None:
        """What was just appended to the chain is not for it."""
        self._outbox.skip(link)

    def has_room(self, message: str | bytes) -> bool:
        """It can be sent this, too; if that is because it does not read, it is closed now."""
        if self._closing is not None:
            return False
        if self._outbox.is_empty or not self._is_stuck(weight(message)):
            return True
        _log.warning("connection %s does not read what is sent to it: it is closed", self.id)
        self.drop(Closing(_TOO_SLOW, "too slow"))
        return False

    def wake(self) -> bool:
        """Has its writer go on, if that waits and there is something to write; says so."""
        if self._idle is None or (self._outbox.is_empty and self._closing is None):
            return False
        idle, self._idle = self._idle, None
        if not idle.done():
            idle.set_result(None)
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection after what is queued; 1008 and 4000 to 4999 tell a client to stay away."""
        if code not in _CODES and not 3000 <= code <= 4999:
            raise ValueError(f"close code {code} is not for use: give 1000, 1008, 1011 or 4000 to 4999")
        if len(reason.encode()) > _REASON:
            raise ValueError(f"the reason of a close has {_REASON} bytes at most, not {len(reason.encode())}")
        if self._closing is None:
            self._closing = Closing(code, reason)
            self._outbox.leave()
            self.wake()
            self._gone.set()
            self._roomy.set()
            asyncio.get_running_loop().call_later(_PATIENCE, self._give_up)

    async def left(self) -> None:
        """Returns when the client has left, or was closed and may not have heard it yet."""
        await self._gone.wait()

    async def room(self) -> None:
        """Returns when less than 1 MiB is queued, or when the client has left."""
        if self._closing is None and self._outbox.weight >= _ROOMY:
            self._roomy.clear()
            await self._roomy.wait()

    def drop(self, closing: Closing) -> None:
        """Ends it at once; what is queued is lost."""
        self._closing = self._closing or closing
        self.dropped = True
        self._outbox.clear()
        self._gone.set()
        self._roomy.set()
        if self._writer is not None:
            self._writer.cancel()

    async def write_to(self, outlet: Outlet) -> None:
        """Writes what is queued until it is closed; cancelled by `drop`.

        Nothing leaves before the commit of the state changes that were made before it.
        """
        self._writer = asyncio.current_task()
        try:
            while not self.dropped:
                closing, span = self._closing, self._outbox.next()
                if span is None and closing is None:
                    self._idle = asyncio.get_running_loop().create_future()
                    await self._idle
                    continue
                if (unsettled := self._settled()) is not None:
                    await unsettled
                if span is not None:
                    await outlet.write(span)
                    self._taken(span)
                elif closing is not None:
                    await outlet.close(closing.code, closing.reason)
                    self._is_told_of_end = True
                    return
        except (WebSocketDisconnect, RuntimeError):
            _log.debug("connection %s: the client left before all was written", self.id)
        except Exception:  # noqa: BLE001  # whatever it is, nobody else would see it
            _log.exception("connection %s: what was sent could not be written, so it is closed", self.id)
            self.drop(_UNWRITABLE)
        finally:
            self._writer = None  # it would hold what it was writing

    def _taken(self, span: Span) -> None:
        self._outbox.take(span)
        self._taken_at = asyncio.get_running_loop().time()
        if not self._roomy.is_set() and self._outbox.weight < _ROOMY:
            self._roomy.set()

    @property
    def _waited(self) -> float:
        """Seconds in which its client has taken nothing of what waits."""
        since = self._taken_at if self._outbox.is_empty else max(self._taken_at, self._outbox.since)
        return asyncio.get_running_loop().time() - since

    def _is_stuck(self, more: int) -> bool:
        queued = self._outbox.weight + more
        return queued > _TOO_MANY or (queued > _MANY and self._waited > _PATIENCE)

    def _give_up(self) -> None:
        """Who was closed and takes nothing of what is queued before that does not hold the agent."""
        if self._closing is None or self.dropped or self._is_told_of_end:
            return
        left = _PATIENCE - self._waited
        if left > 0:
            asyncio.get_running_loop().call_later(left, self._give_up)
        else:
            self.drop(self._closing)
