"""Cron expressions as Vixie cron reads them, in a time zone: `0 9 * * 1` is Monday."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from workflows.errors import InvalidCron
from workflows.timers.cron_fields import Fields, read

__all__ = ["Cron", "looks_like_cron"]

_MOST_FIELDS = 6
_FEWEST_FIELDS = 5
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  a wall clock without a zone: only whether it ever fires


def looks_like_cron(text: str) -> bool:
    """It is meant as cron: it starts with `@`, or has five or six fields."""
    return text.lstrip().startswith("@") or _FEWEST_FIELDS <= len(text.split()) <= _MOST_FIELDS


@dataclass(frozen=True, slots=True)
class Cron:
    """A valid expression that fires; five fields, six with the seconds first, or a macro like `@daily`.

    Where clocks are changed, times of day (`30 2 * * *`) come exactly once: those inside the gap right after
    it, those that the clock shows twice at the first. Rhythms (`*/30 * * * *`) follow the time that passes.
    """

    expression: str
    tz: str
    _fields: Fields = field(repr=False, compare=False)
    _zone: ZoneInfo = field(repr=False, compare=False)

    @classmethod
    def parse(cls, expression: str, tz: str | None = None) -> Cron:
        """In UTC when no IANA zone is given. Raises `InvalidCron`."""
        fields = read(expression)
        try:
            next(CronSim(fields.text, _SOME_DAY))
        except (CronSimError, StopIteration):
            raise InvalidCron(f"cron {expression!r} never fires: none of its months has such a day") from None
        name = "UTC" if tz is None else tz
        return cls(expression.strip(), name, fields, _zone(name))

    def next_after(self, moment: datetime) -> datetime:
        """The first time strictly after `moment`, which knows its zone; the answer is in `tz`."""
        if moment.utcoffset() is None:
            raise ValueError(f"{moment.isoformat()} has no time zone: give an aware datetime")
        utc = moment.astimezone(UTC)
        found = self._on_the_wall(utc) if self._fields.fixed_time else self._in_passing(utc)
        return found.astimezone(self._zone)

    def _on_the_wall(self, moment: datetime) -> datetime:
        calendar = CronSim(self._fields.text, moment.astimezone(self._zone).replace(tzinfo=None))
        while (found := _first_showing(next(calendar), self._zone)) <= moment:
            pass  # the clock shows it a second time
        return found

    def _in_passing(self, moment: datetime) -> datetime:
        """Goes from change to change of the clock: between two, the wall clock runs like time itself."""
        offset = _offset(moment, self._zone)
        wall = (moment + offset).replace(tzinfo=None)
        while True:
            found = next(CronSim(self._fields.text, wall)).replace(tzinfo=UTC) - offset
            changed = [at for at in (min(moment + _DAY, found), found) if _offset(at, self._zone) != offset]
            if not changed:
                return found
            moment = _change(moment, changed[0], self._zone)
            offset = _offset(moment, self._zone)
            wall = (moment + offset).replace(tzinfo=None) - _SECOND  # the moment of the change may be one


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidCron(f'time zone {name!r} is not known: use an IANA name like "Europe/Berlin"') from None


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _first_showing(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock shows `wall` for the first time, or has jumped over it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first if first <= second else _change(second, first, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second, after `before` and not after `after`, in which the clock is changed."""
    offset = _offset(before, zone)
    low, high = math.floor(before.timestamp()), math.ceil(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
