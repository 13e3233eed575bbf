"""Durable timers: rows of one table, called when they are due, at least once, caught up after downtime."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from workflows.clock import Clock
from workflows.duration import YEAR, seconds
from workflows.errors import InvalidDuration, WorkflowError
from workflows.sqlite.store import Store
from workflows.timers.cron import Cron
from workflows.timers.overdue import Overdue
from workflows.timers.policy import TimerPolicy
from workflows.timers.rules import due_time, first
from workflows.timers.runs import Fire
from workflows.timers.table import (
    KEYS,
    delete,
    from_row,
    insert,
    milliseconds,
    moment,
    redrive,
    selection,
    shown,
)
from workflows.timers.timer import Due, Every, Kind, Share, State, Timer, When
from workflows.timers.watch import Ticks, Watch

__all__ = ["Every", "Fire", "Timer", "Timers", "When"]

_POLICY = TimerPolicy()
_MOST_RUNNING = 1_000
_WINDOW = 20_000
_GRACE = 10.0


class Timers:
    """The timers of one realm of a file: what one part of the program has to be called for.

    They are kept whether anybody serves the realm or not, and wait for `serve`. A row is deleted or moved to
    its next time only after `fire` returned, so after a crash a timer is called again, with the same nominal
    time. Never are two calls of one timer under way, unless its policy allows it. When `fire` raises, it is
    called again after 2, 4, 8 … seconds (at most 10 minutes, give or take a quarter; or as its policy says),
    or when a `TryAgain` says; then, or at once after a `NonRetryableError`, it is dead: kept, with its last
    error, until it is cancelled or driven again. A recurring one goes on with its next time.
    """

    def __init__(self, store: Store, realm: str, *, clock: Clock, ticks: Ticks, overdue: Overdue) -> None:
        self._store = store
        self._realm = realm
        self._clock = clock
        self._ticks = ticks
        self._overdue = overdue
        self._watch: Watch | None = None

    async def serve(
        self,
        fire: Fire,
        *,
        owners: Iterable[str] | None = None,
        most_running: int = _MOST_RUNNING,
        window: int = _WINDOW,
    ) -> None:
        """Calls `fire` for each timer that is due, until `close`; what was missed meanwhile comes now.

        With `owners`, those of others wait on. `most_running` is how many calls may be under way, `window`
        how many of the next timers are held in memory.
        """
        if self._watch is not None:
            raise WorkflowError(
                f"the timers of {self._realm} are served already, by another part of this program: "
                "let one of the two go first"
            )
        self._watch = watch = Watch(
            self._store,
            self._realm,
            fire,
            clock=self._clock,
            ticks=self._ticks,
            owners=owners,
            most_running=most_running,
            window=window,
            overdue=self._overdue,
        )
        try:
            await watch.open()
        except BaseException:
            self._watch = None
            raise

    async def close(self, grace: float = _GRACE) -> None:
        """Starts nothing more, gives running calls `grace` seconds, then cuts them off: they come again."""
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.close(grace)

    async def add(
        self,
        owner: str,
        method: str,
        when: When,
        payload: bytes | None = None,
        *,
        key: str | None = None,
        policy: TimerPolicy = _POLICY,
        share: Share | None = None,
    ) -> Timer:
        """A timer of `owner`, durable when returned; with a `key`, the pending one that has it, if any.

        Of `policy`, two are for recurring timers: `catchup` is what becomes of the times that were missed by
        more than a minute or while it was down (of `all`, at most the last 1,000 are called for), `overlap`
        what becomes of those that come while the last call goes on. A new one that is more than its `share`
        has room for raises `TooManyTimers`.
        """
        at = self._at(when)
        if isinstance(at, Every) and at.anchor == "end" and policy.overlap != "skip":
            raise ValueError(
                f'overlap {policy.overlap!r} does not fit anchor "end": each call begins so long after the '
                "end of the last, so none overlap; leave one of the two out"
            )
        nominal = first(at, moment(milliseconds(self._now())))
        operation = insert(
            self._realm,
            owner,
            method,
            payload,
            at,
            nominal=nominal,
            due=due_time(at, moment(milliseconds(nominal)), policy.jitter, owner, method, payload),
            policy=policy,
            key=key,
            share=share,
        )
        row, new = await self._store.write(operation)
        timer = from_row(row)
        if new:
            self._offer(timer.owner, milliseconds(timer.due), timer.id)
        return timer

    def written(self, due: Due) -> None:
        """A timer of this realm that was added together with something else: told after its COMMIT."""
        self._offer(due.owner, due.due, due.id)

    async def cancel(self, timer: int, *, owner: str | None = None) -> bool:
        """True when a call that was to come does not come any more, with all that would have followed.

        False when there is no such timer (of `owner`), or when its one call has begun; no other follows then.
        """
        if owner is not None and await self.get(timer, owner=owner) is None:
            return False
        if self._watch is not None:
            return await self._watch.cancel(timer)
        return await self._store.write(delete(timer, self._realm)) == 1

    def wanted(self, timer: int) -> bool:
        """For a callback that has not done anything yet: nobody has cancelled its timer in the meantime."""
        return self._watch is None or self._watch.wanted(timer)

    async def get(self, timer: int, *, owner: str | None = None) -> Timer | None:
        """None when there is no such timer (of `owner`)."""
        found = await self._select([("id = ?", timer), ("owner = ?", owner)], 1)
        return found[0] if found else None

    async def find(
        self,
        owner: str | None = None,
        *,
        method: str | None = None,
        kind: Kind | None = None,
        state: State | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Timer]:
        """Those that fit everything given, the soonest first; `since` and `until` are themselves included."""
        return await self._select(
            [
                ("owner = ?", owner),
                ("method = ?", method),
                ("kind = ?", kind),
                ("state = ?", state),
                ("due >= ?", None if since is None else milliseconds(_aware(since))),
                ("due <= ?", None if until is None else milliseconds(_aware(until))),
            ],
            limit,
        )

    async def keys(self) -> list[tuple[int, str, str | None]]:
        """Id, owner and key of each, also where a rule cannot be read any more."""
        return [(timer, owner, key) for timer, owner, key in await self._store.read(KEYS, (self._realm,))]

    async def redrive(self, timer: int, *, owner: str | None = None) -> bool:
        """Calls a dead timer again, with all its attempts; false when it is not dead."""
        now = self._now()
        whose = await self._store.write(redrive(timer, now, self._realm, owner))
        if whose is not None:
            self._offer(whose, milliseconds(now), timer)
        return whose is not None

    def _at(self, when: When) -> datetime | Cron | Every:
        match when:
            case Cron() | Every():
                return when
            case datetime():
                return _aware(when)
            case delay:
                length = seconds(delay, what="delay", limit=YEAR)
                if length < 0:
                    raise InvalidDuration(
                        f"delay {delay!r} is negative: give seconds from now, or a datetime"
                    )
                return datetime.fromtimestamp(self._clock.now() + length, UTC)

    async def _select(self, conditions: list[tuple[str, str | int | None]], limit: int | None) -> list[Timer]:
        query = selection([("realm = ?", self._realm), *conditions], limit)
        return [shown(row) for row in await self._store.read(*query)]

    def _offer(self, owner: str, due: int, timer: int) -> None:
        if self._watch is not None:
            self._watch.offer(owner, (due, timer))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)


def _aware(when: datetime) -> datetime:
    if when.utcoffset() is None:
        raise ValueError(f"{when.isoformat()} has no time zone: give an aware datetime")
    return when
