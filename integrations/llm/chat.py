"""The Chat Completions wire: what every OpenAI-compatible server speaks. Imports openai."""

from __future__ import annotations

from integrations.llm.answer import Answer, Fault
from integrations.llm.chat_answer import ChatAnswer, ChatChunk, answer_of
from integrations.llm.chat_request import chat_request
from integrations.llm.chat_stream import Assembly
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect
from integrations.llm.endpoint import Endpoint
from integrations.llm.faults import fault_of_body
from integrations.llm.request import AnyRequest
from integrations.llm.server import Server, body_of, foreign

__all__ = ["ChatWire"]


class ChatWire:
    """`POST /chat/completions`, whole or streamed."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, stream: bool) -> None:
        self._server = Server(endpoint, timeout=timeout)
        self._completions = self._server.client.chat.completions
        self._stream = stream

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """Exactly one HTTP request; streamed when somebody listens."""
        if self._stream or tell is not None:
            return await self._server.hear(self._streamed(request, dialect, tell))
        return await self._server.hear(self._whole(request, dialect))

    async def probe(self) -> Fault | None:
        """Whether the server answers."""
        return await self._server.probe()

    async def close(self) -> None:
        """Lets the connections go."""
        await self._server.close()

    async def _whole(self, request: AnyRequest, dialect: Dialect) -> Answer | Fault:
        asked = self._completions.with_raw_response.create(**chat_request(request, dialect))
        body = await body_of(asked)
        if isinstance(body, Fault):
            return body
        sent = ChatAnswer.model_validate_json(body.content)
        if sent.error is not None:
            return fault_of_body(sent.error, body.headers)
        return answer_of(sent, body.headers.get("x-request-id"))

    async def _streamed(self, request: AnyRequest, dialect: Dialect, tell: Tell | None) -> Answer | Fault:
        stream = await self._completions.create(
            **chat_request(request, dialect), stream=True, stream_options={"include_usage": True}
        )
        assembly = Assembly()
        async with stream:
            async for sent in stream:
                for delta in assembly.add(ChatChunk.model_validate(sent.model_dump())):
                    if tell is not None:
                        await tell(delta)
        headers = stream.response.headers
        return foreign(headers) or answer_of(assembly.whole, headers.get("x-request-id"))
