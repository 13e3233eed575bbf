"""What a client may say of when it is to be called: not more often than is good for the server."""

from __future__ import annotations

import math

from agents_sdk.errors import InvalidSchedule
from workflows import Cron

__all__ = ["modest_cron", "modest_interval"]

_FIELDS_WITH_SECONDS = 6
_SHORTEST = 1.0  # seconds


def modest_cron(given: object, tz: str | None = None) -> str:
    """A cron expression of a client; raises `InvalidSchedule` for what is due more than once in a minute."""
    if not isinstance(given, str):
        raise InvalidSchedule(f"a cron expression is a text, not {given!r}")
    fields = Cron.parse(given, tz).expression.split()
    if len(fields) == _FIELDS_WITH_SECONDS and not fields[0].isdecimal():
        raise InvalidSchedule(f"cron {given!r} is due more than once in a minute: give one second, or none")
    return given


def modest_interval(given: object, shortest: float = _SHORTEST) -> float:
    """An interval of a client in seconds; raises `InvalidSchedule` for one shorter than `shortest`."""
    if not isinstance(given, int | float) or isinstance(given, bool) or not shortest <= given < math.inf:
        raise InvalidSchedule(f"an interval is a number of at least {shortest:g} seconds, not {given!r}")
    return float(given)
