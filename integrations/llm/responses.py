"""The Responses wire: what api.openai.com speaks, and some servers of one's own. Imports openai."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from integrations.llm.answer import Answer, Begun, Cause, Fault
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect
from integrations.llm.endpoint import Endpoint
from integrations.llm.faults import fault_of_body
from integrations.llm.request import AnyRequest
from integrations.llm.responses_answer import SentResponse, answer_of
from integrations.llm.responses_request import responses_request
from integrations.llm.responses_stream import Pieces
from integrations.llm.server import Body, Raw, Server, body_of, foreign

__all__ = ["ResponsesWire"]

_CANCEL_SECONDS = 10.0


class ResponsesWire:
    """`POST /responses`, whole or streamed; only what works in the background is stored at the server."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, stream: bool) -> None:
        self._server = Server(endpoint, timeout=timeout)
        self._responses = self._server.client.responses
        self._stream = stream

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """Exactly one HTTP request; streamed when somebody listens."""
        parameters = responses_request(request, dialect) | {"store": False}
        if self._stream or tell is not None:
            return await self._server.hear(self._streamed(parameters, tell))
        return await self._server.hear(self._whole(parameters))

    async def probe(self) -> Fault | None:
        """Whether the server answers."""
        return await self._server.probe()

    async def close(self) -> None:
        """Lets the connections go."""
        await self._server.close()

    async def begin(self, request: AnyRequest, dialect: Dialect) -> Begun | Fault:
        """Has the server work on it by itself; returns at once."""
        parameters = responses_request(request, dialect) | {"background": True, "store": True}
        return await self._server.hear(_begun(self._responses.with_raw_response.create(**parameters)))

    async def fetch(self, id: str) -> Answer | Begun | Fault:
        """What it has come to, if it has."""
        return await self._server.hear(_fetched(self._responses.with_raw_response.retrieve(id)))

    async def cancel(self, id: str) -> Fault | None:
        """Has it end; what has ended already stays as it is."""
        cancelled = _begun(self._responses.with_raw_response.cancel(id))
        heard = await self._server.hear(cancelled, timeout=_CANCEL_SECONDS)
        return heard if isinstance(heard, Fault) else None

    async def _whole(self, parameters: dict[str, Any]) -> Answer | Fault:
        body = await body_of(self._responses.with_raw_response.create(**parameters))
        return body if isinstance(body, Fault) else answer_of(_sent(body), body.headers)

    async def _streamed(self, parameters: dict[str, Any], tell: Tell | None) -> Answer | Fault:
        stream = await self._responses.create(**parameters, stream=True)
        headers, pieces = stream.response.headers, Pieces()
        async with stream:
            async for event in stream:
                match event.type:
                    case "response.completed" | "response.incomplete" | "response.failed":
                        sent = event.response.model_dump(warnings=False)
                        return answer_of(SentResponse.model_validate(sent), headers)
                    case "error":
                        return fault_of_body(event.model_dump(warnings=False), headers)
                    case _ if tell is not None:
                        for delta in pieces.of(event):
                            await tell(delta)
                    case _:
                        pass
        ended = Fault(cause=Cause.CUT, message="the answer ended without its last event")
        return foreign(headers) or ended


def _sent(body: Body) -> SentResponse:
    return SentResponse.model_validate_json(body.content)


async def _begun(raw: Awaitable[Raw]) -> Begun | Fault:
    body = await body_of(raw)
    if isinstance(body, Fault):
        return body
    id = _sent(body).id
    return Begun(id) if id else Fault(cause=Cause.GARBLED, message="the response has no id")


async def _fetched(raw: Awaitable[Raw]) -> Answer | Begun | Fault:
    body = await body_of(raw)
    if isinstance(body, Fault):
        return body
    sent = _sent(body)
    return answer_of(sent, body.headers) if sent.ended else Begun(sent.id)
