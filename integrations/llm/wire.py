"""The seam to a server: one request in, an answer or a fault out."""

from __future__ import annotations

from typing import Protocol

from integrations.llm.answer import Answer, Fault
from integrations.llm.dialect import Dialect
from integrations.llm.request import AnyRequest

__all__ = ["Wire"]


class Wire(Protocol):
    """One way of talking to one server; never tries again, never raises for what a server does."""

    async def send(self, request: AnyRequest, dialect: Dialect) -> Answer | Fault:
        """Exactly one HTTP request; returns within the time limit of the wire."""

    async def probe(self) -> Fault | None:
        """Whether anything answers at the URL; None when it does."""

    async def close(self) -> None:
        """Lets the connections go."""
