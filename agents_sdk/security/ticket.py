"""Tickets: what may stand in the query of a WebSocket's URL instead of a token, as it is of use once."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from agents_sdk.errors import InvalidAgent
from agents_sdk.security.access import Principal

__all__ = ["Tickets"]

_LONGEST = 60.0
_MANY = 100_000


@dataclass(frozen=True, slots=True)
class _Ticket:
    principal: Principal
    until: float
    agent: str | None
    name: str | None


class Tickets:
    """Short-lived tickets that are good for one connection; kept in memory, so a restart forgets them.

    Browsers cannot send a header with a WebSocket, and what stands in a URL gets into logs and histories.
    """

    def __init__(self, lasts: float = 30.0, *, now: Callable[[], float] = time.time) -> None:
        """Each is good for `lasts` seconds, at most 60."""
        if not 0 < lasts <= _LONGEST:
            raise InvalidAgent(f"a ticket cannot last {lasts!r} seconds: give at most {_LONGEST:g}")
        self._lasts = lasts
        self._now = now
        self._known: dict[bytes, _Ticket] = {}

    def issue(self, principal: Principal, *, agent: str | None = None, name: str | None = None) -> str:
        """A ticket for who has proved who they are; good for that agent and name only, if they are given."""
        if len(self._known) >= _MANY:
            self._forget()
        text = secrets.token_urlsafe(32)
        self._known[_hashed(text)] = _Ticket(principal, self._now() + self._lasts, agent, name)
        return text

    def redeem(self, request: HTTPConnection, agent: str, name: str) -> Principal | None:
        """For whom the ticket in the query `ticket=…` was issued; from now on it is used up."""
        given = request.query_params.getlist("ticket")
        found = self._known.pop(_hashed(given[0]), None) if len(given) == 1 else None
        if found is None or self._now() >= found.until:
            return None
        fits = found.agent in (None, agent) and found.name in (None, name)
        return found.principal if fits else None

    def _forget(self) -> None:
        """What is too old; where that does not make room, the oldest half."""
        now = self._now()
        kept = [(key, ticket) for key, ticket in self._known.items() if now < ticket.until]
        self._known = dict(kept if len(kept) < _MANY else kept[_MANY // 2 :])


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
