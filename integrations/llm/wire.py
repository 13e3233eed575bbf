"""The seam to a server: one request in, an answer or a fault out."""

from __future__ import annotations

from typing import Protocol

from integrations.llm.answer import Answer, Fault
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect
from integrations.llm.request import AnyRequest

__all__ = ["Wire"]


class Wire(Protocol):
    """One way of talking to one server; never tries again, never raises for what a server does."""

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """Exactly one HTTP request; returns within the time limit of the wire.

        With `tell` the answer is streamed, and `tell` hears its pieces as they arrive. It may have heard
        some of an answer that turns out to be a fault.
        """

    async def probe(self) -> Fault | None:
        """Whether anything answers at the URL; None when it does."""

    async def close(self) -> None:
        """Lets the connections go."""
