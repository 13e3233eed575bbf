"""Whether who came in may stay: asked for each message, and now and then of those who are silent."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable

from agents_sdk.connection import Closing
from agents_sdk.principal import Principal
from workflows import Clock

__all__ = ["Standing"]

_log = logging.getLogger(__name__)

_LOOK_EVERY = 30.0  # seconds
_EXPIRED = Closing(3000, "your time is up: come again")
_REVOKED = Closing(1008, "not allowed any more")
_UNKNOWN = Closing(1011, "it could not be asked whether you are still allowed")


class Standing:
    """What became of the right by which a connection was opened."""

    def __init__(self, principal: Principal | None, clock: Clock) -> None:
        self._principal = principal or Principal("")
        self._clock = clock

    @property
    def may_end(self) -> bool:
        """There is something to look at."""
        return self._principal.until is not None or self._principal.still is not None

    async def objection(self) -> Closing | None:
        """How the connection is to be closed, when it is."""
        until, still = self._principal.until, self._principal.still
        if until is not None and self._clock.now() >= until:
            return _EXPIRED
        if still is None:
            return None
        try:
            holds = still()
            if inspect.isawaitable(holds):
                holds = await holds
        except Exception:  # noqa: BLE001  # nobody goes on unasked, and all may come again
            _log.exception("the `still` of principal %r raised", self._principal.id)
            return _UNKNOWN
        return None if holds else _REVOKED

    async def watch(self, close: Callable[[int, str], None]) -> None:
        """Looks until it ends, and calls `close` then; returns at once when there is nothing to look at."""
        closing: Closing | None = None
        while self.may_end and closing is None:
            until = self._principal.until
            left = _LOOK_EVERY if until is None else until - self._clock.now()
            await self._clock.sleep(min(_LOOK_EVERY, max(left, 0)))
            closing = await self.objection()
        if closing is not None:
            close(closing.code, closing.reason)
