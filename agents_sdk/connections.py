"""The open connections of an agent."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agents_sdk import protocol
from agents_sdk.connection import Closing, Connection, checked

__all__ = ["Connections"]


class Connections:
    """The open connections of one agent."""

    def __init__(self) -> None:
        self._open: list[Connection] = []
        self._closing: Closing | None = None

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def get(self, id: str) -> Connection | None:
        """The latest connection with this id."""
        return next((one for one in reversed(self._open) if one.id == id), None)

    def tagged(self, tag: str) -> list[Connection]:
        """Those that have this tag; the id of a connection is one of its tags."""
        return [one for one in self._open if tag in one.tags]

    def add(self, connection: Connection) -> None:
        """It takes part in broadcasts from now on; after `close` it is closed as well."""
        self._open.append(connection)
        if self._closing is not None:
            connection.close(self._closing.code, self._closing.reason)

    def remove(self, connection: Connection) -> None:
        """It does not take part any more."""
        if connection in self._open:
            self._open.remove(connection)

    def broadcast(self, message: str | bytes, *, without: Collection[str] = ()) -> None:
        """Sends to all, except those with an id in `without`."""
        excluded = {without} if isinstance(without, str) else without
        message = checked(message)
        for connection in self:
            if connection.id not in excluded:
                connection.put(message)

    def tell(self, frame: protocol.Greeting, *, without: Collection[str] = ()) -> None:
        """Sends a frame, encoded once, to all that are told of the agent, except those in `without`."""
        encoded = protocol.encode(frame)
        for connection in self:
            if connection.told and connection.id not in without:
                connection.put(encoded)

    def send(self, message: str, *, without: Collection[Connection] = ()) -> None:
        """Sends a frame that is encoded to all, also those that are not told, except these connections."""
        for connection in self:
            if connection not in without:
                connection.send(message)

    def close(self, closing: Closing) -> None:
        """Closes all, and those that are still to come."""
        self._closing = closing
        for connection in self:
            connection.close(closing.code, closing.reason)
