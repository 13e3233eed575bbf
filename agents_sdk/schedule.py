"""Schedules: durable calls of an agent's methods, at a time or again and again."""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from agents_sdk.callable import public_method
from agents_sdk.errors import InvalidSchedule
from agents_sdk.shape import Shape, ShapeError
from workflows import Cron, Duration, Every, Timer, Timers, looks_like_cron, seconds

__all__ = ["Method", "Schedule", "Schedules", "schedule_of"]

Method = str | Callable[..., object]
"""A public method of the agent: its name, or the bound method itself."""

_LONGEST_INTERVAL = 30 * 86_400
_PAYLOAD_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Schedule:
    """A call that is due at `time`; `delay`, `cron` or `interval` say how it was made, in seconds."""

    id: int
    callback: str
    payload: Any
    time: datetime
    type: Literal["delayed", "scheduled", "cron", "interval"]
    delay: float | None = None
    cron: str | None = None
    interval: float | None = None
    last_error: str | None = None
    """What its last call raised, when that failed."""
    dead: bool = False
    """All attempts have failed: it is kept, and not called any more."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a timer's payload holds."""

    payload: Any
    delay: float | None = None


_shape: Shape[_Kept] = Shape(_Kept, limit=_PAYLOAD_LIMIT)


class Schedules:
    """The schedules of one agent."""

    def __init__(self, timers: Timers, agent: int, cls: type, root: type) -> None:
        self._timers = timers
        self._owner = str(agent)
        self._cls = cls
        self._root = root

    async def add(
        self,
        when: float | timedelta | datetime | str,
        method: Method,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
    ) -> Schedule:
        """See `Agent.schedule`."""
        callback = public_method(self._cls, self._root, method)
        if isinstance(when, str) and looks_like_cron(when):
            cron = Cron.parse(when)
            return await self._kept(cron, callback, _Kept(payload), key, "cron", idempotent is not False)
        if isinstance(when, datetime):
            if when.utcoffset() is None:
                raise InvalidSchedule(f"{when!r} has no time zone: give it one, e.g. tzinfo=UTC")
            return await self._kept(when, callback, _Kept(payload), key, "scheduled", idempotent is True)
        delay = seconds(when, what="schedule delay")
        return await self._kept(
            max(0.0, delay), callback, _Kept(payload, delay), key, "delayed", idempotent is True
        )

    async def add_every(
        self, interval: Duration, method: Method, payload: Any = None, *, key: str | None = None
    ) -> Schedule:
        """See `Agent.schedule_every`."""
        callback = public_method(self._cls, self._root, method)
        length = seconds(interval, what="interval", limit=_LONGEST_INTERVAL)
        return await self._kept(Every.parse(length), callback, _Kept(payload), key, "interval", True)

    async def get(self, id: int) -> Schedule | None:
        """The schedule with this id, if it is this agent's."""
        timer = await self._timers.get(id, owner=self._owner)
        return None if timer is None else schedule_of(timer)

    async def list(self) -> builtins.list[Schedule]:
        """All of them, the next one first."""
        return [schedule_of(timer) for timer in await self._timers.find(self._owner)]

    async def cancel(self, id: int) -> bool:
        """True: it was there, and is not called any more."""
        return await self._timers.cancel(id, owner=self._owner)

    async def _kept(
        self,
        when: datetime | float | Cron | Every,
        callback: str,
        kept: _Kept,
        key: str | None,
        type: str,
        idempotent: bool,
    ) -> Schedule:
        try:
            payload, same = _shape.encode(kept), _shape.encode(_Kept(kept.payload))
        except ShapeError as error:
            raise InvalidSchedule(f'the payload for "{callback}" cannot be kept: {error}') from error
        if key is not None:
            key = f"{self._owner}:{key}"
        elif idempotent:
            key = f"{self._owner}:{_digest(type, callback, _rule(when), same)}"
        timer = await self._timers.add(self._owner, callback, when, payload, key=key)
        return schedule_of(timer)


def schedule_of(timer: Timer) -> Schedule:
    """A timer as its agent sees it."""
    kept = _Kept(None) if timer.payload is None else _shape.decode(timer.payload)
    cron = timer.when.expression if isinstance(timer.when, Cron) else None
    interval = timer.when.seconds if isinstance(timer.when, Every) else None
    type: Literal["delayed", "scheduled", "cron", "interval"]
    match timer.kind:
        case "once":
            type = "scheduled" if kept.delay is None else "delayed"
        case "cron" | "interval" as recurring:
            type = recurring
    return Schedule(
        id=timer.id,
        callback=timer.method,
        payload=kept.payload,
        time=timer.nominal.astimezone(UTC),
        type=type,
        delay=kept.delay,
        cron=cron,
        interval=interval,
        last_error=timer.last_error,
        dead=timer.state == "dead",
    )


def _rule(when: datetime | float | Cron | Every) -> str:
    """What makes two recurring schedules the same; for one-shots the time does not count."""
    match when:
        case Cron():
            return when.expression
        case Every():
            return str(when.seconds)
        case _:
            return ""


def _digest(*parts: str | bytes) -> str:
    joined = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(joined).hexdigest()
