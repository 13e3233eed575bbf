"""The Chat Completions wire: what every OpenAI-compatible server speaks. Imports openai."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import openai

from integrations.llm.answer import Answer, Cause, Fault
from integrations.llm.chat_answer import ChatAnswer, ChatChunk, answer_of
from integrations.llm.chat_request import chat_request
from integrations.llm.chat_stream import Assembly
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect
from integrations.llm.endpoint import Endpoint
from integrations.llm.faults import EXPECTED, fault_of, fault_of_body
from integrations.llm.request import AnyRequest

__all__ = ["ChatWire"]

_CONNECT_SECONDS = 10.0


class ChatWire:
    """One server, through the `openai` SDK with its own retries off."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, stream: bool) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._stream = stream
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            api_key=endpoint.api_key,
            max_retries=0,
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        )

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """Exactly one HTTP request; streamed when somebody listens."""
        try:
            async with asyncio.timeout(self._timeout):
                if self._stream or tell is not None:
                    return await self._streamed(request, dialect, tell)
                return await self._whole(request, dialect)
        except EXPECTED as error:
            return self._without_key(fault_of(error))

    async def probe(self) -> Fault | None:
        """Asks for the list of models: free of charge, and every server knows it or says so."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._client.models.with_raw_response.list()
        except EXPECTED as error:
            return self._without_key(fault_of(error))
        return None

    async def close(self) -> None:
        """Lets the connections go."""
        await self._client.close()

    async def _whole(self, request: AnyRequest, dialect: Dialect) -> Answer | Fault:
        completions = self._client.chat.completions.with_raw_response
        response = (await completions.create(**chat_request(request, dialect))).http_response
        if response.headers.get("content-type", "").startswith("text/html"):
            return Fault(cause=Cause.FOREIGN, message="a web page answers, not a model")
        sent = ChatAnswer.model_validate_json(await response.aread())
        if sent.error is not None:
            return fault_of_body(sent.error, dict(response.headers))
        return answer_of(sent, response.headers.get("x-request-id"))

    async def _streamed(self, request: AnyRequest, dialect: Dialect, tell: Tell | None) -> Answer | Fault:
        stream = await self._client.chat.completions.create(
            **chat_request(request, dialect), stream=True, stream_options={"include_usage": True}
        )
        assembly = Assembly()
        async with stream:
            async for sent in stream:
                for delta in assembly.add(ChatChunk.model_validate(sent.model_dump())):
                    if tell is not None:
                        await tell(delta)
        return answer_of(assembly.whole, stream.response.headers.get("x-request-id"))

    def _without_key(self, fault: Fault) -> Fault:
        """Some servers repeat the key in their message."""
        return replace(fault, message=fault.message.replace(self._endpoint.api_key, "[key]"))
