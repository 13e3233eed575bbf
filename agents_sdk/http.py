"""One HTTP request to an agent."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from agents_sdk.agent import Agent
from agents_sdk.errors import NotRunning
from agents_sdk.host import Host, StartFailed

__all__ = ["answer"]


async def answer(host: Host, scope: Scope, receive: Receive, send: Send) -> None:
    """Lets the agent answer; what its hook raises goes to `on_error`, and the client sees no trace of it."""
    try:
        async with host.event() as agent:
            response = await _response(host, agent, Request(scope, receive, send))
            await agent.ctx.state.settled()
            await response(scope, receive, send)
    except StartFailed as failed:
        await (failed.answer or _failure())(scope, receive, send)
    except NotRunning:
        await PlainTextResponse("Service Unavailable", status_code=503)(scope, receive, send)


async def _response(host: Host, agent: Agent[Any, Any], request: Request) -> Response:
    try:
        response: object = await agent.on_request(request)
        if not isinstance(response, Response):
            raise TypeError(
                f"{type(agent).__name__}.on_request returned {response!r}: return a starlette Response"
            )
    except HTTPException as refusal:
        return PlainTextResponse(refusal.detail, refusal.status_code, refusal.headers)
    except Exception as error:  # noqa: BLE001  # the client gets no trace
        return await host.report(error) or _failure()
    return response


def _failure() -> Response:
    return PlainTextResponse("Internal Server Error", status_code=500)
