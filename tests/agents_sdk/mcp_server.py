"""An MCP server over streamable HTTP: two tools, one prompt, in JSON or as events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["McpApp"]

_TOOLS = [{"name": "add", "inputSchema": {"type": "object"}}, {"name": "fail", "inputSchema": {}}]


class McpApp:
    """Notes what it is asked; `forget` is what a restart of it would do."""

    def __init__(self, *, events: bool = False, token: str | None = None) -> None:
        self.asked: list[str] = []
        self.deleted: list[str] = []
        self.status = 200
        self.answer: Mapping[str, Any] | None = None
        self._events = events
        self._token = token
        self._sessions: set[str] = set()
        self._count = 0
        self.app = Starlette(routes=[Route("/mcp", self._taken, methods=["POST", "DELETE"])])

    def forget(self) -> None:
        self._sessions.clear()

    async def _taken(self, request: Request) -> Response:
        session = request.headers.get("mcp-session-id")
        if self._token is not None and request.headers.get("authorization") != self._token:
            return Response(status_code=401)
        if request.method == "DELETE":
            self.deleted.append(str(session))
            return Response()
        message = await request.json()
        self.asked.append(message["method"])
        if self.status != 200:
            return Response(status_code=self.status, headers={"location": "/elsewhere"})
        if message["method"] == "initialize":
            return self._shaken(message)
        if session not in self._sessions:
            return Response(status_code=404)
        assert request.headers["mcp-protocol-version"] == "2025-06-18"
        if "id" not in message:
            return Response(status_code=202)
        return self._said({"id": message["id"], **_answered(message)})

    def _shaken(self, message: Mapping[str, Any]) -> Response:
        self._count += 1
        session = f"session-{self._count}"
        self._sessions.add(session)
        result = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}, "prompts": {}},
            "serverInfo": {"name": "test", "version": "1"},
            "instructions": "add numbers",
        }
        answer = self._said({"id": message["id"], "result": self.answer or result})
        answer.headers["mcp-session-id"] = session
        return answer

    def _said(self, answer: Mapping[str, Any]) -> Response:
        whole = {"jsonrpc": "2.0", **answer}
        if not self._events:
            return JSONResponse(whole)
        notice = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "busy"}}
        first, _, rest = json.dumps(whole, indent=0).partition("\n")
        lines = "\n".join(f"data: {line}" for line in (first, *rest.split("\n")))
        text = f": hello\n\nevent: message\ndata: {json.dumps(notice)}\n\n{lines}\n\n"
        return Response(text, media_type="text/event-stream")


def _answered(message: Mapping[str, Any]) -> dict[str, Any]:
    params = message["params"]
    match message["method"]:
        case "tools/list" if "cursor" not in params:
            return {"result": {"tools": _TOOLS[:1], "nextCursor": "2"}}
        case "tools/list":
            return {"result": {"tools": _TOOLS[1:]}}
        case "prompts/list":
            return {"result": {"prompts": [{"name": "greet"}]}}
        case "tools/call" if params["name"] == "add":
            total = sum(params["arguments"].values())
            return {"result": {"content": [{"type": "text", "text": str(total)}], "isError": False}}
    return {"error": {"code": -32602, "message": f"no tool {params.get('name')}"}}
