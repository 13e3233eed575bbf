"""Durations: `"10 seconds"`, a timedelta, or a number of seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from workflows.errors import InvalidDuration

__all__ = ["YEAR", "Duration", "seconds"]

Duration = str | int | float | timedelta

_DAY = 86_400
YEAR = 365 * _DAY
"""The longest sleep or wait, in seconds."""

_UNITS: dict[str, float] = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "year": 365.25 * _DAY,
}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s+([a-z]+?)s?\s*", re.ASCII)
_ADVICE = 'write "10 minutes", a timedelta, or a number of seconds'


def seconds(value: Duration, *, what: str = "duration", limit: float | None = None) -> float:
    """The number of seconds in `value`; raises `InvalidDuration`, which names `what`."""
    number = _number(value, what)
    if limit is not None and number > limit:
        raise InvalidDuration(
            f"{what} {value!r} is longer than {limit / _DAY:g} days; numbers are seconds, not milliseconds"
        )
    return number


def _number(value: Duration, what: str) -> float:
    match value:
        case bool():
            pass
        case timedelta():
            return value.total_seconds()
        case int() | float() if math.isfinite(value):
            return value
        case str() if (found := _TEXT.fullmatch(value)) and found[2] in _UNITS:
            return float(found[1]) * _UNITS[found[2]]
        case _:
            pass
    raise InvalidDuration(f"{what} {value!r} is not a duration: {_ADVICE}")
