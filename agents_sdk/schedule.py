"""Schedules: durable calls of an agent's methods, at a time or again and again."""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from agents_sdk.errors import InvalidSchedule
from agents_sdk.methods import Methods
from agents_sdk.part import Part
from agents_sdk.shape import Shape, ShapeError
from workflows import Cron, Duration, Every, Timer, Timers, looks_like_cron, seconds

__all__ = ["Callback", "Catchup", "Schedule", "ScheduleType", "Schedules", "schedule_of"]

Callback: TypeAlias = str | Callable[..., object]
"""A public method of the agent: its name, or the bound method itself."""

ScheduleType: TypeAlias = Literal["delayed", "scheduled", "cron", "interval"]
Catchup: TypeAlias = Literal["skip", "one", "all"]
"""What becomes of the times that a recurring schedule missed: none, the latest, or each of them in order."""

_LONGEST_INTERVAL = 30 * 86_400
_PAYLOAD_LIMIT = 1 << 20
_ATTEMPTS = 7


@dataclass(frozen=True, slots=True)
class Schedule:
    """A call that is due at `time`; `delay`, `cron` or `interval` say how it was made, in seconds.

    Given to a callback, `time` is the one that it is called for: the same when it is called again.
    """

    id: int
    callback: str
    payload: Any
    time: datetime
    type: ScheduleType
    delay: float | None = None
    cron: str | None = None
    interval: float | None = None
    last_error: str | None = None
    """What its last call raised, when that failed."""
    dead: bool = False
    """All attempts have failed: it is kept, and not called any more."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the payload of a timer holds."""

    payload: Any
    delay: float | None = None


_shape: Shape[_Kept] = Shape(_Kept, limit=_PAYLOAD_LIMIT)


@dataclass(frozen=True, slots=True)
class _Plan:
    """When a schedule is due, as `Timers` takes it, and what makes two of its kind the same."""

    type: ScheduleType
    when: datetime | float | Cron | Every
    rule: str = ""

    @property
    def recurs(self) -> bool:
        return self.type in ("cron", "interval")

    def key(self, callback: str, payload: Any, *, key: str | None, idempotent: bool | None) -> str | None:
        """Under which only one may be pending; one-shots are told apart only by request."""
        if key is not None:
            return f"key {key}"
        if not (self.recurs if idempotent is None else idempotent):
            return None
        parts = (self.type.encode(), callback.encode(), self.rule.encode(), _encode(callback, _Kept(payload)))
        return "same " + hashlib.sha256(b"\0".join(parts)).hexdigest()


class Schedules(Part):
    """The schedules of one agent."""

    def __init__(self, timers: Timers, owner: int, methods: Methods, agent: object) -> None:
        self._timers = timers
        self._owner = str(owner)
        self._methods = methods
        self._agent = agent

    async def add(
        self,
        when: float | timedelta | datetime | str,
        callback: Callback,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
        tz: str | None = None,
        catchup: Catchup = "one",
        attempts: int = _ATTEMPTS,
    ) -> Schedule:
        """See `Agent.schedule`."""
        name = self._callback(callback, payload)
        plan = _plan(when, tz)
        delay = plan.when if isinstance(plan.when, float) else None
        timer = await self._timers.add(
            self._owner,
            name,
            plan.when,
            _encode(name, _Kept(payload, delay)),
            key=plan.key(name, payload, key=key, idempotent=idempotent),
            catchup=catchup,
            attempts=attempts,
        )
        return schedule_of(timer)

    async def add_every(
        self,
        interval: Duration,
        callback: Callback,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
        catchup: Catchup = "one",
        attempts: int = _ATTEMPTS,
    ) -> Schedule:
        """See `Agent.schedule_every`."""
        name = self._callback(callback, payload)
        every = Every.parse(seconds(interval, what="interval", limit=_LONGEST_INTERVAL))
        plan = _Plan("interval", every, str(every.seconds))
        timer = await self._timers.add(
            self._owner,
            name,
            every,
            _encode(name, _Kept(payload)),
            key=plan.key(name, payload, key=key, idempotent=idempotent),
            catchup=catchup,
            attempts=attempts,
        )
        return schedule_of(timer)

    async def get(self, id: int) -> Schedule | None:
        """The schedule with this id, if it is this agent's."""
        timer = await self._timers.get(id, owner=self._owner)
        return None if timer is None else schedule_of(timer)

    async def list(
        self,
        *,
        type: ScheduleType | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> builtins.list[Schedule]:
        """Those that fit everything given, the next one first."""
        timers = await self._timers.find(self._owner, since=since, until=until)
        return [found for found in map(schedule_of, timers) if type in (None, found.type)]

    async def cancel(self, id: int) -> bool:
        """True: it was there, and is not called any more."""
        return await self._timers.cancel(id, owner=self._owner)

    async def redrive(self, id: int) -> bool:
        """Calls a dead schedule again, with all its attempts; false when it is not dead."""
        return await self._timers.redrive(id, owner=self._owner)

    def _callback(self, callback: Callback, payload: Any) -> str:
        method = self._methods.given(callback, self._agent)
        if payload is not None and not method.takes:
            raise InvalidSchedule(
                f"{self._methods.cls}.{method.name} takes no payload: give it a parameter, or no payload"
            )
        return method.name


def schedule_of(timer: Timer) -> Schedule:
    """A timer as its agent sees it."""
    kept = _Kept(None) if timer.payload is None else _shape.decode(timer.payload)
    type: ScheduleType
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
        cron=timer.when.expression if isinstance(timer.when, Cron) else None,
        interval=timer.when.seconds if isinstance(timer.when, Every) else None,
        last_error=timer.last_error,
        dead=timer.state == "dead",
    )


def _plan(when: float | timedelta | datetime | str, tz: str | None) -> _Plan:
    if isinstance(when, str) and looks_like_cron(when):
        cron = Cron.parse(when, tz)
        return _Plan("cron", cron, f"{cron.expression} {cron.tz}")
    if tz is not None:
        raise InvalidSchedule(f"tz {tz!r} belongs to a cron expression, and {when!r} is none")
    if not isinstance(when, datetime):
        return _Plan("delayed", float(max(0, seconds(when, what="delay"))))
    if when.utcoffset() is None:
        raise InvalidSchedule(f"{when!r} has no time zone: give it one, e.g. tzinfo=UTC")
    return _Plan("scheduled", when)


def _encode(callback: str, kept: _Kept) -> bytes:
    try:
        return _shape.encode(kept)
    except ShapeError as error:
        raise InvalidSchedule(f'the payload for "{callback}" cannot be kept: {error}') from error
