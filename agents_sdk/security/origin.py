"""Which hosts this app answers as, and the pages of which origins may talk to it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import Scope

from agents_sdk.errors import InvalidAgent
from agents_sdk.security.place import Origin, is_loopback, origin_of, split_host

__all__ = ["Hosts", "Origins", "is_local", "origin_in", "without_cookies"]

_COOKIES = ("session", "user", "auth")
"""What middleware of starlette may have made of them."""


class Hosts:
    """The names in `Host` that the app answers to; another one is a sign of DNS rebinding."""

    def __init__(self, allowed: Collection[str]) -> None:
        """`*.example.com` stands for every host below it, `*` for every host."""
        _refuse_str(allowed, "allowed_hosts")
        self._allowed = {host.lower() for host in allowed}
        for host in self._allowed:
            if host != "*" and split_host(host.removeprefix("*.")) != (host.removeprefix("*."), None):
                raise InvalidAgent(
                    f"allowed_hosts has {host!r}: give a name like example.com, without a port"
                )

    def objection(self, scope: Scope) -> int | None:
        """The status that refuses a request, if it is to be refused."""
        given = Headers(scope=scope).getlist("host")
        split = split_host(given[0]) if len(given) == 1 else None
        if split is None:
            return 400
        return None if self._answers(split[0], scope) else 421

    def _answers(self, host: str, scope: Scope) -> bool:
        if is_loopback(host) or host == _server(scope):  # an address cannot be rebound, only a name can
            return True
        above = host.split(".")
        wild = {"*." + ".".join(above[start:]) for start in range(1, len(above))}
        return not self._allowed.isdisjoint({host, "*", *wild})


class Origins:
    """The pages that may talk to the app: of its own origin, and of those that are listed."""

    def __init__(self, allowed: Collection[str]) -> None:
        """Each as `https://example.com`; `http://localhost:*` stands for every port."""
        _refuse_str(allowed, "allowed_origins")
        self._exact = {_origin(one) for one in allowed if not one.endswith(":*")}
        self._any_port = {
            (one.scheme, one.host) for one in (_origin(text[:-2]) for text in allowed if text.endswith(":*"))
        }

    def allows(self, scope: Scope, *, local: bool) -> bool:
        """Whether the page may; when all is `local`, those of every server on this machine may, too."""
        headers = Headers(scope=scope)
        given = headers.getlist("origin")
        if not given:
            return True
        origin = origin_of(given[0]) if len(given) == 1 else None
        if origin is None:
            return False
        if origin in self._exact or (origin.scheme, origin.host) in self._any_port:
            return True
        return _is_same(origin, headers["host"], scope) or (local and is_loopback(origin.host))


def origin_in(scope: Scope) -> str | None:
    """What the `Origin` header says; None when there is none, as browsers send one."""
    return Headers(scope=scope).get("origin")


def is_local(scope: Scope) -> bool:
    """Whether the request came in at an address that only this machine reaches."""
    return is_loopback(_server(scope) or "")


def without_cookies(scope: Scope) -> Scope:
    """The request as who sends no cookies would send it."""
    if not any(key == b"cookie" for key, _ in scope["headers"]):
        return scope
    kept = {key: value for key, value in scope.items() if key not in _COOKIES}
    return {**kept, "headers": [(key, value) for key, value in scope["headers"] if key != b"cookie"]}


def _is_same(origin: Origin, host: str, scope: Scope) -> bool:
    """TLS may end before the app, so https is taken for the same where the app sees http, not the reverse."""
    if origin.scheme not in ("http", "https"):
        return False
    if scope["scheme"] in ("https", "wss") and origin.scheme != "https":
        return False
    return origin == origin_of(f"{origin.scheme}://{host}")


def _server(scope: Scope) -> str | None:
    server = scope.get("server")
    return None if not server else str(server[0])


def _origin(text: str) -> Origin:
    origin = origin_of(text)
    if origin is None:
        raise InvalidAgent(f"allowed_origins has {text!r}: give scheme and host like https://example.com")
    return origin


def _refuse_str(given: Collection[str], what: str) -> None:
    if isinstance(given, str):
        raise InvalidAgent(f"{what} is {given!r}: give a list")
