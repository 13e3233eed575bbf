"""The body of an HTTP response that an agent answers with: events, each with a chunk, or plain text."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from agents_sdk.errors import InvalidChunk

__all__ = ["is_response", "pieces_of"]


def is_response(result: object) -> bool:
    """Whether it looks like one of Starlette's."""
    return hasattr(result, "headers") and (hasattr(result, "body_iterator") or hasattr(result, "body"))


async def pieces_of(response: Any) -> AsyncGenerator[Any, None]:
    """Its chunks, or the pieces of its text."""
    async with aclosing(_texts(response)) as texts:
        if "text/event-stream" not in response.headers.get("content-type", ""):
            async for text in texts:
                yield text
        else:
            async with aclosing(_events(texts)) as events:
                async for event in events:
                    yield _chunk(event)
    if getattr(response, "background", None) is not None:
        await response.background()


async def _events(texts: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """What the events say, without the one that only says that there are no more."""
    said: list[str] = []
    rest = ""
    async for text in _and_end(texts):
        *lines, rest = (rest + text).split("\n")
        for line in (line.removesuffix("\r") for line in lines):
            if line.startswith("data:"):
                said.append(line[5:].removeprefix(" "))
            elif not line and said:
                event = "\n".join(said)
                said.clear()
                if event != "[DONE]":
                    yield event


async def _and_end(texts: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async for text in texts:
        yield text
    yield "\n\n"  # the last event is whole, too


def _chunk(said: str) -> Any:
    try:
        return json.loads(said)
    except ValueError as error:
        raise InvalidChunk(f"an event of the response is no JSON ({error}): {said[:200]!r}") from error


async def _texts(response: Any) -> AsyncGenerator[str, None]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    if not hasattr(response, "body_iterator"):
        yield decoder.decode(bytes(response.body), True)
        return
    try:
        async for piece in response.body_iterator:
            yield piece if isinstance(piece, str) else decoder.decode(bytes(piece))
        yield decoder.decode(b"", True)
    finally:
        close = getattr(response.body_iterator, "aclose", None)
        if close is not None:
            await close()
