"""One call of a client: only methods marked with `@callable()` are within its reach."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from pydantic_core import PydanticSerializationError

from agents_sdk import protocol
from agents_sdk.agent import Agent
from agents_sdk.connection import Connection
from agents_sdk.given_up import told_as_error
from agents_sdk.methods import Method, Methods
from agents_sdk.wire.reserved import RESERVED
from agents_sdk.wire.streaming import StreamingResponse, pour

__all__ = ["take"]

_log = logging.getLogger(__name__)

_SILENT = "Unknown error occurred"


async def take(agent: Agent[Any, Any], connection: Connection, request: protocol.RpcRequest) -> None:
    """Answers `request`: with its result, or the message of what it raised."""
    methods, stream = agent.ctx.methods, StreamingResponse(connection, request.id)
    method = methods.callables.get(request.method)
    if method is None:
        stream.error(f"Method {request.method} {_objection(methods, request.method)}")
        return
    try:
        with told_as_error():
            await _answer(agent, connection, method, request, stream)
    except PydanticSerializationError as error:
        stream.error(f"the result of {request.method} is not JSON: {error}")
    except Exception as error:  # noqa: BLE001  # it is the caller's
        _log.warning("%s.%s raised for a client", methods.cls, request.method, exc_info=error)
        if not stream.is_closed:
            stream.error(str(error) or _SILENT)


async def _answer(
    agent: Agent[Any, Any],
    connection: Connection,
    method: Method,
    request: protocol.RpcRequest,
    stream: StreamingResponse,
) -> None:
    marks = method.callable
    assert marks is not None, "callables are marked"
    first = [stream] if marks.streaming else []
    result = method.call(agent, *first, *marks.arguments(request.args))
    streams = marks.streaming or inspect.isasyncgen(result)
    if inspect.isasyncgen(result):
        await pour(result, stream, connection)
    elif inspect.isawaitable(result):
        result = await result
    if not streams and not (result is None and marks.gives_nothing):
        stream.end(result)
    elif not stream.is_closed:
        stream.end()


def _objection(methods: Methods, name: str) -> str:
    of_agent = not name.startswith("_") and inspect.isfunction(inspect.getattr_static(Agent, name, None))
    exists = of_agent or name in methods.known or name in RESERVED
    return "is not callable" if exists else "does not exist"
