"""The open connections of an agent."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator

from agents_sdk import protocol
from agents_sdk.connection import Closing, Connection, checked
from agents_sdk.sockets.chain import Chain
from agents_sdk.sockets.own import weight
from agents_sdk.sockets.rounds import Rounds

__all__ = ["Connections"]


_LOOK_AFTER = 256 << 10  # bytes
_LOOK_EVERY = 1.0  # seconds


class Connections:
    """The open connections of one agent: one that was closed is none, also before its client has answered."""

    def __init__(self) -> None:
        self._there: list[Connection] = []
        self._chain = Chain()
        self._rounds = Rounds(lambda: iter(list(self._there)))
        self._look_at = (0, 0.0)
        self._closing: Closing | None = None

    def __iter__(self) -> Iterator[Connection]:
        return iter([one for one in self._there if one.is_open])

    def __len__(self) -> int:
        return sum(one.is_open for one in self._there)

    def get(self, id: str) -> Connection | None:
        """The latest connection with this id."""
        return next((one for one in reversed(self._there) if one.id == id and one.is_open), None)

    def tagged(self, tag: str) -> list[Connection]:
        """Those that have this tag; the id of a connection is one of its tags."""
        return [one for one in self if tag in one.tags]

    def add(self, connection: Connection) -> None:
        """It takes part in broadcasts from now on; after `close` it is closed as well."""
        self._there.append(connection)
        connection.follow(self._chain)
        if self._closing is not None:
            connection.close(self._closing.code, self._closing.reason)

    def remove(self, connection: Connection) -> None:
        """It does not take part any more."""
        if connection in self._there:
            self._there.remove(connection)
            connection.leave()

    def broadcast(self, message: str | bytes, *, without: Collection[str] = ()) -> None:
        """Sends to all, except those with an id in `without`."""
        excluded = {without} if isinstance(without, str) else without
        self._send(checked(message), [one for one in self._there if one.id in excluded] if excluded else ())

    def tell(self, frame: protocol.Greeting, *, without: Collection[str] = ()) -> None:
        """Sends a frame, encoded once, to all that are told of the agent, except those in `without`."""
        untold = [one for one in self._there if not one.told or one.id in without]
        self._send(protocol.encode(frame), untold)

    def send(self, message: str, *, without: Collection[Connection] = ()) -> None:
        """Sends a frame that is encoded to all, also those that are not told, except these connections."""
        self._send(checked(message), [one for one in self._there if one in without] if without else ())

    def close(self, closing: Closing) -> None:
        """Closes all, and those that are still to come."""
        self._closing = closing
        for connection in self:
            connection.close(closing.code, closing.reason)

    def _send(self, message: str | bytes, without: Collection[Connection]) -> None:
        if len(self._there) == len(without):
            return
        self._look(message, without)
        link = self._chain.append(message)
        for connection in without:
            connection.skip(link)
        self._rounds.start()

    def _look(self, message: str | bytes, without: Collection[Connection]) -> None:
        """Now and then, whether somebody does not read: what they have not got is in memory."""
        place, time = self._chain.end.place + weight(message), asyncio.get_running_loop().time()
        if place < self._look_at[0] and time < self._look_at[1]:
            return
        self._look_at = place + _LOOK_AFTER, time + _LOOK_EVERY
        for connection in self:
            if connection not in without:
                connection.has_room(message)
