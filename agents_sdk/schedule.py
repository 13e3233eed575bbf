"""Schedules: durable calls of an agent's methods, at a time or again and again."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from agents_sdk.errors import InvalidSchedule
from agents_sdk.methods import Methods
from agents_sdk.part import Part
from agents_sdk.plan import DEFAULT, Anchor, Catchup, Overlap, Plan, ScheduleType, plan, plan_every, policy
from agents_sdk.security.log import audited
from agents_sdk.security.shares import Shares, refused
from agents_sdk.shape import Shape, ShapeError
from workflows import Cron, Duration, Every, Timer, TimerPolicy, Timers, TooManyTimers

__all__ = ["Callback", "Schedule", "ScheduleType", "Schedules", "schedule_of"]

Callback: TypeAlias = str | Callable[..., object]
"""A public method of the agent: its name, or the bound method itself."""

_KINDS: dict[ScheduleType, Literal["once", "cron", "interval"]] = {
    "delayed": "once",
    "scheduled": "once",
    "cron": "cron",
    "interval": "interval",
}
_PAYLOAD_LIMIT = 1 << 20

_log = logging.getLogger(__name__)


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
    tz: str | None = None
    """The zone in which `cron` is read."""
    attempt: int = 0
    """How often it was called for `time`, in a callback with this call."""
    skipped: int = 0
    """How many times passed without a call, because the last one was still going on."""
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


class Schedules(Part):
    """The schedules of one agent."""

    def __init__(
        self,
        timers: Timers,
        owner: int,
        methods: Methods,
        agent: object,
        *,
        shares: Shares,
        whose: str,
    ) -> None:
        self._timers = timers
        self._owner = str(owner)
        self._methods = methods
        self._agent = agent
        self._shares = shares
        self._whose = whose
        self._starting = False

    async def begin(self) -> None:
        """What is scheduled from now on comes with every start of the agent."""
        self._starting = True

    def started(self) -> None:
        """What is scheduled from now on comes from something that happened."""
        self._starting = False

    async def add(
        self,
        when: float | timedelta | datetime | str,
        callback: Callback,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
        tz: str | None = None,
        catchup: Catchup = DEFAULT.catchup,
        overlap: Overlap = DEFAULT.overlap,
        jitter: float = DEFAULT.jitter,
        attempts: int = DEFAULT.attempts,
        base_delay: float = DEFAULT.base_delay,
        max_delay: float = DEFAULT.max_delay,
    ) -> Schedule:
        """See `Agent.schedule`; the rest is how it is called.

        Cron is read in the IANA zone `tz`. Of the times that come while it is down, `catchup` calls for none
        (`skip`), the latest (`one`) or each in order (`all`, at most the last 1,000); of those that come in a
        run, `overlap` calls for none (`skip`), the latest right after it (`queue_one`), or each beside it
        (`allow`). It is called up to `jitter` seconds late. When it raises, it is called again after
        `base_delay` seconds, twice as long each time up to `max_delay`, `attempts` in all. Raises
        `InvalidSchedule`.
        """
        asked = plan(when, tz)
        how = policy(
            asked,
            catchup=catchup,
            overlap=overlap,
            jitter=jitter,
            attempts=attempts,
            base_delay=base_delay,
            max_delay=max_delay,
        )
        return await self._add(asked, how, callback, payload, key, idempotent)

    async def add_every(
        self,
        interval: Duration,
        callback: Callback,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
        anchor: Anchor = "start",
        catchup: Catchup = DEFAULT.catchup,
        overlap: Overlap = DEFAULT.overlap,
        jitter: float = DEFAULT.jitter,
        attempts: int = DEFAULT.attempts,
        base_delay: float = DEFAULT.base_delay,
        max_delay: float = DEFAULT.max_delay,
    ) -> Schedule:
        """See `Agent.schedule_every`, and `add` for the other options.

        With `anchor="end"` each run begins one interval after the end of the last one, so none overlap.
        """
        asked = plan_every(interval, anchor)
        how = policy(
            asked,
            catchup=catchup,
            overlap=overlap,
            jitter=jitter,
            attempts=attempts,
            base_delay=base_delay,
            max_delay=max_delay,
        )
        return await self._add(asked, how, callback, payload, key, idempotent)

    async def get(self, id: int) -> Schedule | None:
        """The schedule with this id, if it is this agent's."""
        timer = await self._timers.get(id, owner=self._owner)
        return None if timer is None else schedule_of(timer)

    async def list(
        self,
        *,
        type: ScheduleType | None = None,
        callback: Callback | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        dead: bool | None = None,
    ) -> builtins.list[Schedule]:
        """Those that fit everything given, the next one first; `since` and `until` are when they are due."""
        timers = await self._timers.find(
            self._owner,
            method=None if callback is None else self._name(callback),
            kind=None if type is None else _KINDS[type],
            state=None if dead is None else "dead" if dead else "pending",
            since=since,
            until=until,
        )
        return [found for found in map(schedule_of, timers) if type in (None, found.type)]

    async def cancel(self, id: int) -> bool:
        """True: it was there, and is not called any more."""
        return self._audited("cancel", id, await self._timers.cancel(id, owner=self._owner))

    async def redrive(self, id: int) -> bool:
        """Calls a dead schedule again, with all its attempts; false when it is not dead."""
        return self._audited("redrive", id, await self._timers.redrive(id, owner=self._owner))

    def _audited(self, action: str, id: int, done: bool) -> bool:
        if done:
            audited(action, f"schedule {id} of {self._whose}")
        return done

    async def _add(
        self,
        asked: Plan,
        how: TimerPolicy,
        callback: Callback,
        payload: Any,
        key: str | None,
        idempotent: bool | None,
    ) -> Schedule:
        name = self._callback(callback, payload)
        if self._starting and not asked.recurs and key is None and idempotent is None:
            _log.warning(
                '%s.on_start schedules "%s" once more at each start: give idempotent=True, or a key',
                self._methods.cls,
                name,
            )
        delay = asked.when if isinstance(asked.when, float) else None
        share = self._shares.schedules
        try:
            timer = await self._timers.add(
                self._owner,
                name,
                asked.when,
                _encode(name, _Kept(payload, delay)),
                key=asked.key(name, _encode(name, _Kept(payload)), key=key, idempotent=idempotent),
                policy=how,
                share=share,
            )
        except TooManyTimers:
            assert share is not None, "there was no room in it"
            raise refused("schedules", share) from None
        return schedule_of(timer)

    def _callback(self, callback: Callback, payload: Any) -> str:
        method = self._methods.given(callback, self._agent)
        if payload is not None and not method.takes:
            raise InvalidSchedule(
                f"{self._methods.cls}.{method.name} takes no payload: give it a parameter, or no payload"
            )
        return method.name

    def _name(self, callback: Callback) -> str:
        """Also of a method that is gone, whose schedules are still there."""
        return callback if isinstance(callback, str) else self._methods.given(callback, self._agent).name


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
        tz=timer.when.tz if isinstance(timer.when, Cron) else None,
        attempt=timer.attempt,
        skipped=timer.skipped,
        last_error=timer.last_error,
        dead=timer.state == "dead",
    )


def _encode(callback: str, kept: _Kept) -> bytes:
    try:
        return _shape.encode(kept)
    except ShapeError as error:
        raise InvalidSchedule(f'the payload for "{callback}" cannot be kept: {error}') from error
