"""The recorded numbers are milliseconds; ours are seconds."""

from __future__ import annotations

import re

from tests.conformance.scenario import Json

__all__ = ["milliseconds", "seconds"]

_NUMERIC = re.compile(r"\s*-?\d+(\.\d+)?\s*")
_WORDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s+(second|minute|hour|day|week|month|year)s?\s*")
_LENGTH = {
    "second": 1_000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
    "month": 2_592_000_000,
    "year": 31_557_600_000,
}


def seconds(recorded: Json) -> Json:
    """A recorded duration as a Python program writes it; what is not one stays what it is."""
    if isinstance(recorded, bool):
        return recorded
    if isinstance(recorded, int | float):
        return recorded / 1_000
    if isinstance(recorded, str) and _NUMERIC.fullmatch(recorded):
        return float(recorded) / 1_000  # a bare number in a string is milliseconds there, and refused here
    return recorded


def milliseconds(duration: Json, *, unit: float) -> Json:
    """A duration as a number of milliseconds; `unit` is what a bare number counts, in milliseconds."""
    if isinstance(duration, bool):
        return duration
    if isinstance(duration, int | float):
        return round(duration * unit, 3)
    if isinstance(duration, str) and (words := _WORDS.fullmatch(duration)):
        return float(words[1]) * _LENGTH[words[2]]
    return duration
