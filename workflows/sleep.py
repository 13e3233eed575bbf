"""`step.sleep` and `step.sleep_until`: an instant in the journal, and a wait for it."""

from __future__ import annotations

from datetime import datetime

from workflows.backend import NewMoment
from workflows.duration import YEAR, Duration, seconds
from workflows.entry import Entry, Key, State
from workflows.errors import InvalidDuration, WorkflowError
from workflows.run import Run

__all__ = ["Sleep", "SleepUntil"]

_FAR = 1e11
"""Epoch seconds beyond this are milliseconds by mistake: it is the year 5138."""


class Sleep:
    """The `Operation` of `step.sleep`."""

    __slots__ = ("_duration", "_run", "key", "unseen")

    def __init__(self, run: Run, key: Key, duration: Duration) -> None:
        self.key = key
        self.unseen: list[NewMoment] = []
        self._run = run
        self._duration = duration

    def started(self) -> Entry:
        """See `Operation.started`."""
        length = seconds(self._duration, what="sleep duration", limit=YEAR)
        return self._sleeping(length)

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        run = self._run
        await run.begin_wait(self, entry)
        rehearsal = run.rehearsal
        if rehearsal is None or not rehearsal.skips(run.activation, self.key):
            await run.waits.until_due(entry)
        entry.state = State.DONE
        await run.record(entry, run.moment("sleep_completed"))

    def outcome(self, entry: Entry) -> None:
        """See `Operation.outcome`."""

    def _sleeping(self, length: float, *, fixed: bool = False) -> Entry:
        self.unseen.append(self._run.moment("sleep_started", duration=length))
        due = self._run.clock.now() + length
        return Entry(self.key, self._run.next_ordinal(), State.WAITING, due=due, fixed=fixed)


class SleepUntil(Sleep):
    """The `Operation` of `step.sleep_until`: a pause does not move the instant."""

    __slots__ = ("_until",)

    def __init__(self, run: Run, key: Key, until: datetime | float) -> None:
        super().__init__(run, key, 0)
        self._until = until

    def started(self) -> Entry:
        """See `Operation.started`."""
        length = _instant(self._until) - self._run.clock.now()
        if length < 0:
            raise WorkflowError("You can't sleep until a time in the past, time-traveler")
        entry = self._sleeping(seconds(length, what="sleep_until", limit=YEAR), fixed=True)
        entry.due = _instant(self._until)
        return entry


def _instant(until: object) -> float:
    if isinstance(until, datetime):
        if until.utcoffset() is None:
            raise InvalidDuration(f"sleep_until {until!r} has no time zone: give it one, e.g. tzinfo=UTC")
        return until.timestamp()
    if isinstance(until, bool) or not isinstance(until, int | float) or not 0 <= until < _FAR:
        raise InvalidDuration(f"sleep_until {until!r} is not a datetime or a number of epoch seconds")
    return until
