"""One session with an MCP server, over streamable HTTP: what is asked is answered, by JSON or by SSE.

What a server asks of its client (sampling, elicitation, roots) is not answered, as no such thing is offered.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agents_sdk.errors import McpError
from agents_sdk.security.place import is_loopback
from workflows import guarded_client

if TYPE_CHECKING:
    import httpx

__all__ = ["Session", "SessionGone"]

_NEWEST = "2025-11-25"
_KNOWN = {_NEWEST, "2025-06-18", "2025-03-26"}
_ACCEPT = "application/json, text/event-stream"
_SESSION = "mcp-session-id"
_PAGES = 100


class SessionGone(McpError):
    """The server does not know this session any more: it was started again."""


class Session:
    """Public servers are reached by https only; those of this machine, if it is them that are named, by http.

    Redirects are not followed.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        host = _host(url)
        own = is_loopback(host)
        self._url = url
        self._client = guarded_client(http=own, hosts=(host,) if own else ())
        self._headers = {**headers, "accept": _ACCEPT}
        self._ids = itertools.count(1)

    async def open(self) -> dict[str, Any]:
        """Shakes hands; what the server says of itself."""
        asked = {
            "protocolVersion": _NEWEST,
            "capabilities": {},
            "clientInfo": {"name": "perdure", "version": "0"},
        }
        said = await self.ask("initialize", asked)
        version = said.get("protocolVersion")
        if version not in _KNOWN:
            raise McpError(f"the server speaks MCP {version!r}, and not {' or '.join(sorted(_KNOWN))}")
        self._headers["mcp-protocol-version"] = version
        await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, None)
        return said

    async def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a request; raises `McpError`, or an error of httpx."""
        id = next(self._ids)
        answer = await self._post({"jsonrpc": "2.0", "id": id, "method": method, "params": params}, id)
        if "error" in answer:
            error = answer["error"]
            raise McpError(str(error.get("message", error) if isinstance(error, dict) else error))
        result = answer.get("result")
        if not isinstance(result, dict):
            raise McpError(f"the server answered {method} without a result")
        return result

    async def listed(self, method: str, key: str) -> tuple[Mapping[str, Any], ...]:
        """Everything that a request lists, page by page."""
        found: list[Mapping[str, Any]] = []
        cursor: dict[str, Any] = {}
        for _ in range(_PAGES):
            page = await self.ask(method, cursor)
            found += [one for one in page.get(key, []) if isinstance(one, dict)]
            if not page.get("nextCursor"):
                break
            cursor = {"cursor": page["nextCursor"]}
        return tuple(found)

    async def close(self) -> None:
        """Lets the server forget the session, if it can be reached."""
        import httpx

        try:
            if _SESSION in self._headers:
                await self._client.delete(self._url, headers=self._headers, follow_redirects=False, timeout=2)
        except httpx.HTTPError:
            pass  # it forgets by itself
        finally:
            await self._client.aclose()

    async def _post(self, message: Mapping[str, Any], id: int | None) -> dict[str, Any]:
        """The answer to the request with this id; nothing to a notification."""
        request = self._client.build_request("POST", self._url, json=message, headers=self._headers)
        answer = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            self._look_at(answer)
            if id is None:
                return {}
            self._headers |= {key: answer.headers[key] for key in (_SESSION,) if key in answer.headers}
            return await _answer(answer, id)
        finally:
            await answer.aclose()

    def _look_at(self, answer: httpx.Response) -> None:
        if answer.status_code == 404 and _SESSION in self._headers:
            raise SessionGone("the server has forgotten the session")
        if answer.status_code == 401:
            raise McpError("the server wants to know who asks (401): give headers=, OAuth is not supported")
        if not answer.is_success:
            raise McpError(f"the server answered with status {answer.status_code}")


async def _answer(answer: httpx.Response, id: int) -> dict[str, Any]:
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        messages = _events(answer)
    else:
        messages = _whole(answer)
    async for text in messages:
        message = _parsed(text)
        if message.get("id") == id and ("result" in message or "error" in message):
            return message
    raise McpError("the server ended its answer without one")


async def _whole(answer: httpx.Response) -> AsyncIterator[str]:
    yield (await answer.aread()).decode(errors="replace")


async def _events(answer: httpx.Response) -> AsyncIterator[str]:
    """The data of each event of a stream."""
    lines: list[str] = []
    async for line in answer.aiter_lines():
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _parsed(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        raise McpError("the server answered what is no JSON: is this the URL of an MCP server?") from None
    return message if isinstance(message, dict) else {}


def _host(url: str) -> str:
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise McpError(f"{url!r} is no URL of an MCP server: give one like https://example.com/mcp")
    return split.hostname
