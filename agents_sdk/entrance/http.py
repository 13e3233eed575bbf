"""One HTTP request to an agent."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from agents_sdk.agent import Agent
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.chat.http import messages, wants_messages
from agents_sdk.errors import NotRunning, TooMany
from agents_sdk.given_up import told_as_error
from agents_sdk.life.host import Host, StartFailed
from agents_sdk.security.failure import failure

__all__ = ["answer", "failed", "refusal"]

_BODILESS = (204, 304)


async def answer(host: Host, scope: Scope, receive: Receive, send: Send) -> None:
    """Lets the agent answer; what its hook raises goes to `on_error`, and the client sees no trace of it."""
    request = Request(scope, receive, send)
    try:
        async with host.event(request=request) as agent:
            response = await _response(host, agent, request)
            await agent.ctx.state.settled()
            await _send(host, response, scope, receive, send)
    except StartFailed as start:
        await (start.answer or failed(host, start.error))(scope, receive, send)
    except NotRunning:
        await PlainTextResponse("Service Unavailable", status_code=503)(scope, receive, send)


async def _send(host: Host, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await response(scope, receive, send)
    except ClientDisconnect:
        return
    except Exception as error:
        await host.report(error)
        raise  # the status is out: only a connection that is cut tells the client


async def _response(host: Host, agent: Agent[Any, Any], request: Request) -> Response:
    try:
        if isinstance(agent, ChatAgent) and wants_messages(request):
            return await messages(agent)
        with told_as_error():
            response: object = await agent.on_request(request)
        if not isinstance(response, Response):
            raise TypeError(
                f"{type(agent).__name__}.on_request returned {response!r}: return a starlette Response"
            )
    except ClientDisconnect:
        return Response(status_code=500)  # to nobody
    except HTTPException as error:
        return refusal(error)
    except TooMany:
        return PlainTextResponse("Too Many Requests", status_code=429)
    except Exception as error:  # noqa: BLE001  # the client gets no trace
        return await host.report(error) or failed(host, error)
    return response


def refusal(error: HTTPException) -> Response:
    """What an `HTTPException` of a hook says."""
    if error.status_code in _BODILESS:
        return Response(status_code=error.status_code, headers=error.headers)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


def failed(host: Host, error: Exception) -> Response:
    """The answer to a request that raised."""
    return failure(f"a request to {host}", error)
