"""One call of a client: only methods marked with `@callable()` are within its reach."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic_core import PydanticSerializationError

from agents_sdk import protocol
from agents_sdk.agent import Agent
from agents_sdk.methods import Methods

__all__ = ["reply"]


async def reply(agent: Agent[Any, Any], methods: Methods, request: protocol.RpcRequest) -> str:
    """The frame that answers `request`: its result, or the message of what it raised."""
    try:
        result = await _called(agent, methods, request)
        return protocol.encode(protocol.RpcResult(id=request.id, result=result))
    except PydanticSerializationError as error:
        return _error(request, f"the result of {request.method} is not JSON: {error}")
    except Exception as error:  # noqa: BLE001  # it is the caller's
        return _error(request, str(error))


async def _called(agent: Agent[Any, Any], methods: Methods, request: protocol.RpcRequest) -> object:
    method = methods.known.get(request.method)
    if method is None or method.callable is None:
        exists = method is not None or inspect.isfunction(inspect.getattr_static(Agent, request.method, None))
        why = "is not callable" if exists and not request.method.startswith("_") else "does not exist"
        raise ValueError(f"Method {request.method} {why}")
    result = method.call(agent, *request.args)
    return await result if inspect.isawaitable(result) else result


def _error(request: protocol.RpcRequest, message: str) -> str:
    return protocol.encode(protocol.RpcError(id=request.id, error=message))
