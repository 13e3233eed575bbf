"""One call of a client: only methods marked with `@callable()` are within its reach."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from pydantic_core import PydanticSerializationError

from agents_sdk import protocol
from agents_sdk.agent import Agent
from agents_sdk.connection import Connection
from agents_sdk.methods import Methods

__all__ = ["take"]

_log = logging.getLogger(__name__)


async def take(agent: Agent[Any, Any], connection: Connection, request: protocol.RpcRequest) -> None:
    """Answers `request`: with its result, or the message of what it raised."""
    connection.send(await _reply(agent, agent.ctx.methods, request))


async def _reply(agent: Agent[Any, Any], methods: Methods, request: protocol.RpcRequest) -> str:
    method = methods.known.get(request.method)
    if method is None or method.callable is None:
        return _error(request, f"Method {request.method} {_objection(methods, request.method)}")
    try:
        result = method.call(agent, *request.args)
        if inspect.isawaitable(result):
            result = await result
        return protocol.encode(protocol.RpcResult(id=request.id, result=result))
    except PydanticSerializationError as error:
        return _error(request, f"the result of {request.method} is not JSON: {error}")
    except Exception as error:  # noqa: BLE001  # it is the caller's
        _log.warning("%s.%s raised for a client", methods.cls, request.method, exc_info=error)
        return _error(request, str(error) or type(error).__name__)


def _objection(methods: Methods, name: str) -> str:
    of_agent = not name.startswith("_") and inspect.isfunction(inspect.getattr_static(Agent, name, None))
    return "is not callable" if name in methods.known or of_agent else "does not exist"


def _error(request: protocol.RpcRequest, message: str) -> str:
    return protocol.encode(protocol.RpcError(id=request.id, error=message))
