"""CORS: what a page of another origin may read of the answers of agents."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send

__all__ = ["Cors"]

_ANY = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}


class Cors:
    """The headers that every answer gets which is an agent's, also one that refuses."""

    def __init__(self, cors: bool | Mapping[str, str]) -> None:
        self.headers: Mapping[str, str] = (_ANY if cors else {}) if isinstance(cors, bool) else cors

    @property
    def answers(self) -> bool:
        """It answers `OPTIONS` itself."""
        return bool(self.headers)

    def opens_to(self, origin: str | None) -> bool:
        """Whether a page of this origin may send requests, though without cookies."""
        allowed = Headers(self.headers).get("access-control-allow-origin")
        return allowed is not None and allowed in ("*", origin)

    def on(self, send: Send) -> Send:
        """`send`, with the headers."""
        if not self.headers:
            return send

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
            await send(message)

        return sent
