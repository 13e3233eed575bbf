"""How long a server asks to wait: `retry-after-ms`, or `retry-after` as seconds or as a date."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST", "retry_after"]

LONGEST = 7 * 86_400.0
"""A server that asks for more is believed this much, in seconds."""


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds to wait; None when the server names no time, or one that has passed.

    `now` is epoch seconds; a date is compared with the server's own `date` header where there is one.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _usable(milliseconds / 1000)
    value = headers.get("retry-after", "")
    if (seconds := _number(value)) is not None:
        return _usable(seconds)
    if (until := _date(value)) is None:
        return None
    sent = _date(headers.get("date", ""))
    return _usable(until - (now if sent is None else sent))


def _usable(seconds: float) -> float | None:
    return min(seconds, LONGEST) if seconds > 0 else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
