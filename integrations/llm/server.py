"""One server, through the `openai` SDK with its own retries off. Imports openai."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import openai

from integrations.llm.answer import Cause, Fault
from integrations.llm.endpoint import Endpoint
from integrations.llm.faults import EXPECTED, fault_of

__all__ = ["Body", "Raw", "Server", "body_of", "foreign"]

T = TypeVar("T")

_CONNECT_SECONDS = 10.0


class Server:
    """What every wire has: a client of the SDK, one time limit, and faults instead of errors."""

    def __init__(self, endpoint: Endpoint, *, timeout: float) -> None:
        self._key = endpoint.api_key
        self._timeout = timeout
        self.client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            api_key=endpoint.api_key,
            max_retries=0,
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        )

    async def hear(self, answer: Awaitable[T | Fault], *, timeout: float | None = None) -> T | Fault:
        """What the server says within the time limit, or why it says nothing of use."""
        try:
            async with asyncio.timeout(self._timeout if timeout is None else timeout):
                heard = await answer
        except EXPECTED as error:
            heard = fault_of(error)
        return self._without_key(heard) if isinstance(heard, Fault) else heard

    async def probe(self) -> Fault | None:
        """Asks for the list of models: free of charge, and every server knows it or says so."""
        heard = await self.hear(self.client.models.with_raw_response.list(), timeout=_CONNECT_SECONDS)
        return heard if isinstance(heard, Fault) else None

    async def close(self) -> None:
        """Lets the connections go."""
        await self.client.close()

    def _without_key(self, fault: Fault) -> Fault:
        """Some servers repeat the key in their message."""
        return replace(fault, message=fault.message.replace(self._key, "[key]"))


@dataclass(frozen=True, slots=True)
class Body:
    """An answer in one piece, unread."""

    content: bytes
    headers: Mapping[str, str]


class _Response(Protocol):
    """Of httpx or httpx2."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def aread(self) -> bytes: ...


class Raw(Protocol):
    """What `with_raw_response` gives."""

    @property
    def http_response(self) -> _Response: ...


async def body_of(raw: Awaitable[Raw]) -> Body | Fault:
    """The body of a raw response; a web page is a fault."""
    response = (await raw).http_response
    return foreign(response.headers) or Body(await response.aread(), response.headers)


def foreign(headers: Mapping[str, str]) -> Fault | None:
    """A web page where a model should answer."""
    if headers.get("content-type", "").startswith("text/html"):
        return Fault(cause=Cause.FOREIGN, message="a web page answers, not a model")
    return None
