"""The seam to a server: one request in, an answer or a fault out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from integrations.llm.answer import Answer, Begun, Fault
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect
from integrations.llm.request import AnyRequest

__all__ = ["BackgroundWire", "Sender", "Wire"]


class Sender(Protocol):
    """Takes a request to a server; never tries again, never raises for what a server does."""

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """Exactly one HTTP request; returns within the time limit of the wire.

        With `tell` the answer is streamed, and `tell` hears its pieces as they arrive. It may have heard
        some of an answer that turns out to be a fault.
        """


class Wire(Sender, Protocol):
    """One way of talking to one server."""

    async def probe(self) -> Fault | None:
        """Whether anything answers at the URL; None when it does."""

    async def close(self) -> None:
        """Lets the connections go."""


@runtime_checkable
class BackgroundWire(Wire, Protocol):
    """A wire to a server that can also work on a request by itself, while nobody is connected."""

    async def begin(self, request: AnyRequest, dialect: Dialect) -> Begun | Fault:
        """Has the server begin; returns at once."""

    async def fetch(self, id: str) -> Answer | Begun | Fault:
        """What it has come to, if it has."""

    async def cancel(self, id: str) -> Fault | None:
        """Has it end; what has ended already stays as it is."""
