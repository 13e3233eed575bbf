"""What may stand in the fields of a cron expression: nothing is guessed, no suffix is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.errors import InvalidCron

__all__ = ["Fields", "read"]


@dataclass(frozen=True, slots=True)
class _Field:
    """One place of an expression, the numbers that may stand there, and their names in order."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_SECOND = _Field("second", 0, 59)
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field(
        "month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    ),
    _Field("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_TERM = re.compile(r"(?P<first>\*|[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?(?:/(?P<step>[0-9]{1,9}))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fields:
    """A valid expression: six fields, seconds first, every range written out as its numbers."""

    text: str
    fixed_time: bool
    """Neither minute nor hour starts with `*`: it means times on the wall clock, not a rhythm."""


def read(expression: str) -> Fields:
    """Raises `InvalidCron`, which names the field, its value and what is allowed there."""
    texts = _texts(expression)
    fields = (_SECOND, *_FIELDS)
    written = [_written(field, text.lower(), expression) for field, text in zip(fields, texts, strict=True)]
    fixed_time = not texts[1].startswith("*") and not texts[2].startswith("*")
    return Fields(" ".join(written), fixed_time)


def _texts(expression: str) -> list[str]:
    stripped = expression.strip(" \t")
    if stripped.startswith("@") and stripped not in _MACROS:
        raise InvalidCron(f"cron {expression!r} is not known: use one of {', '.join(_MACROS)}")
    texts = re.split(r"[ \t]+", _MACROS.get(stripped, stripped))
    match len(texts) if stripped else 0:
        case 5:
            return ["0", *texts]
        case 6:
            return texts
        case count:
            names = ", ".join(field.name for field in _FIELDS)
            raise InvalidCron(
                f"cron {expression!r} has {count} fields: write five ({names}), or six with the seconds first"
            )


def _written(field: _Field, text: str, expression: str) -> str:
    try:
        terms = [set(_numbers(field, term)) for term in text.split(",")]
    except ValueError as error:
        raise InvalidCron(f"cron {expression!r}: {field.name} {text!r} {error}; {_allowed(field)}") from None
    numbers = ",".join(map(str, sorted(set().union(*terms))))
    # Whether a field starts with `*` decides how the two day fields are combined, so the start stays.
    match text.partition(",")[0]:
        case "*":
            return "*"
        case start if start.startswith("*"):
            return f"{start},{numbers}"
        case _:
            return numbers


def _numbers(field: _Field, term: str) -> Iterator[int]:
    found = _TERM.fullmatch(term)
    if found is None or (found["first"] == "*" and found["last"]):
        raise ValueError("is not understood")
    step = 1 if found["step"] is None else int(found["step"])
    if step == 0:
        raise ValueError("has a step of 0")
    if found["first"] == "*":
        return iter(range(field.low, field.high + 1, step))
    first = _number(field, found["first"])
    if found["last"] is None:
        if found["step"] is not None:
            raise ValueError(f"has a step without a range: write {first}-{field.high}/{step}")
        return iter((first,))
    last = _number(field, found["last"])
    if last < first:
        raise ValueError("has a range that ends before it starts")
    return iter(range(first, last + 1, step))


def _number(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not understood")
    if not field.low <= int(text) <= field.high:
        raise ValueError("is out of range")
    return int(text)


def _allowed(field: _Field) -> str:
    names = f" or {field.names[0]}-{field.names[-1]}" if field.names else ""
    return f"allowed are {field.low}-{field.high}{names}, *, lists (1,2), ranges (1-3) and steps (*/2, 1-5/2)"
