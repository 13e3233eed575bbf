"""What an agent answers with, whatever it is, as the chunks of one answer."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from types import GeneratorType
from typing import Any

from agents_sdk.chat.bodies import is_response, pieces_of
from agents_sdk.chat.completions import Completions
from agents_sdk.chat.inputs import Inputs
from agents_sdk.chat.responses import Responses
from agents_sdk.chat.script import Script, get
from agents_sdk.chat.shapes import Chunk
from agents_sdk.errors import InvalidChunk

__all__ = ["chunks_of"]


async def chunks_of(
    result: object, *, request_id: str, counted: Callable[[int], object] = bool
) -> AsyncGenerator[Chunk, None]:
    """The chunks of `result`; when this is closed, so is what they are read from.

    `result` is None, a str, one chunk, a response of Starlette (events, or plain text), or an iterable, async
    or not, of str, chunks, pieces of a chat completion and events of OpenAI's Responses, in any mixture.
    A str is text of the answer: plain text is all deltas of one text whose id is that of the request. What
    has no `start` gets one, by which other tabs know the message; a response is passed on as it is. `counted`
    is told the tokens that a model has counted for its prompt.
    """
    if inspect.isawaitable(result):
        result = await result
    script = Script(request_id, begins=not is_response(result))
    inputs = Inputs(script)
    models = Completions(script, inputs), Responses(script, inputs)
    async with aclosing(_pieces(result)) as pieces:
        async for piece in pieces:
            if (tokens := _prompt_tokens(piece)) is not None:
                counted(tokens)
            for chunk in _chunks(piece, script, inputs, models):
                yield chunk
    for chunk in (*inputs.end_all(), *script.end()):
        yield chunk


def _chunks(
    piece: object, script: Script, inputs: Inputs, models: tuple[Completions, Responses]
) -> Iterator[Chunk]:
    if isinstance(piece, str):
        yield from script.begin() if piece else ()
        yield from script.say("text", piece)
        return
    for model in models:
        if model.knows(piece):
            yield from model.take(piece)
            return
    if not isinstance(piece, Mapping) or not isinstance(piece.get("type"), str):
        raise InvalidChunk(
            f"an answer cannot hold {type(piece).__name__}: {repr(piece)[:200]}; give str, chunks of the AI "
            "SDK as dicts, or what a model of OpenAI streams"
        )
    yield from inputs.end_all()
    yield from script.own(dict(piece))


def _prompt_tokens(piece: object) -> int | None:
    """What a piece of a completion, or the end of a response, says that its prompt took."""
    for path in (("usage", "prompt_tokens"), ("response", "usage", "input_tokens")):
        tokens = get(piece, *path)
        if isinstance(tokens, int):
            return tokens
    return None


async def _pieces(result: Any) -> AsyncGenerator[Any, None]:
    if result is None:
        return
    if isinstance(result, str | Mapping) or hasattr(result, "model_dump"):  # iterable, but no stream
        yield result
        return
    source = pieces_of(result) if is_response(result) else _source(result)
    try:
        async for piece in source:
            yield piece
    finally:
        await _close(source)


def _source(result: Any) -> AsyncIterable[Any]:
    if isinstance(result, AsyncIterable):
        return result
    if isinstance(result, Iterable) and not isinstance(result, bytes | bytearray | memoryview):
        return _stepped(result)
    raise InvalidChunk(
        f"on_chat_message gave {type(result).__name__}: {repr(result)[:200]}; give a str, a response, or "
        "an iterable of str and chunks"
    )


async def _stepped(result: Iterable[Any]) -> AsyncGenerator[Any, None]:
    """What is written here runs here; what waits for a network, as a stream of an SDK does, in a thread."""
    if isinstance(result, list | tuple):
        for piece in result:
            yield piece
        return
    try:
        if isinstance(result, GeneratorType):
            for piece in result:
                yield piece
            return
        iterator, end = iter(result), object()
        while (piece := await asyncio.to_thread(next, iterator, end)) is not end:
            yield piece
    finally:
        await _close(result)


async def _close(result: Any) -> None:
    close = getattr(result, "aclose", None) or getattr(result, "close", None)
    if close is not None and inspect.isawaitable(closing := close()):
        await closing
