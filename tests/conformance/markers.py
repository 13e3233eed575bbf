"""Value markers of the recorded programs, in Python, and Python values in the recorded notation."""

from __future__ import annotations

import math
import random
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.conformance.scenario import Json
from tests.conformance.thrown import name_and_message
from workflows import StepContext, StepStream

__all__ = ["Surroundings", "given", "notation", "resolve", "shown_config", "shown_context", "shown_rollback"]

_CHUNK = 64 * 1024
_EPOCH = datetime.fromtimestamp(0, UTC)


class _Unstorable:
    """A class instance, a Response: something that has no stored form."""


class Surroundings:
    """What some markers refer to: the clock, the variables, the context of the step."""

    def __init__(self, now: float, variables: Mapping[str, Json], ctx: StepContext | None) -> None:
        self.now = now
        self.variables = variables
        self.ctx = ctx


def resolve(value: Json, around: Surroundings) -> Any:
    """`value` with its markers replaced by Python values."""
    match value:
        case {"$": str(marker)}:
            return _marked(marker, around)
        case dict():
            return {key: resolve(item, around) for key, item in value.items()}
        case list():
            return [resolve(item, around) for item in value]
    return value


def given(value: Json) -> Any:
    """An argument of a recorded call, whether it has markers or is in the notation of results.

    The operations of a program are left alone: whoever runs it resolves them.
    """
    match value:
        case {"ops": list()}:
            return value
        case {"$": str()}:
            return resolve(value, Surroundings(0.0, {}, None))
        case {"$undefined": _}:
            return None
        case {"$date": str(text)}:
            return datetime.fromisoformat(text)
        case {"$map": list(pairs)}:
            return {str(key): given(item) for key, item in pairs}
        case {"$set": list(items)}:
            return {given(item) for item in items}
        case {"$bigint": str(digits)}:
            return int(digits)
        case {"$number": str(text)}:
            return float(text)
        case {"$bytes": int(size)}:
            return bytes(size)
        case {"$string_len": int(length)}:
            return "x" * length
        case dict():
            return {key: given(item) for key, item in value.items()}
        case list():
            return [given(item) for item in value]
    return value


def _marked(marker: str, around: Surroundings) -> Any:
    name, _, argument = marker.partition(":")
    match name:
        case "random":
            return random.random()
        case "now_plus":
            return round(around.now * 1_000) + int(argument)
        case "var":
            return around.variables.get(argument)
        case "ctx":
            return shown_context(around.ctx)
        case "string":
            return "x" * int(argument)
        case "bytes":
            return bytes(int(argument))
        case "stream":
            return _streamed(int(argument))
    if name not in _CONSTANT:
        raise NotImplementedError(f"value marker {marker!r}")
    return _CONSTANT[name]()


async def _streamed(size: int) -> AsyncIterator[bytes]:
    for first in range(0, size, _CHUNK):
        yield bytes(min(_CHUNK, size - first))


def _circular() -> dict[str, Any]:
    loop: dict[str, Any] = {"a": 1}
    loop["self"] = loop
    return loop


def _mix() -> dict[str, Any]:
    """All types at once that a step's result may have; a RegExp and an Error have no storable twin here."""
    return {
        "map": {"k": _EPOCH},
        "set": {1},
        "date": _EPOCH,
        "big": 10,
        "bytes": bytes(4),
        "undef": None,
        "nan": math.nan,
        "nul": None,
    }


_CONSTANT = {
    "undefined": lambda: None,
    "map": lambda: {"a": 1},
    "set": lambda: {1},
    "date": lambda: _EPOCH,
    "bigint": lambda: 10,
    "nan": lambda: math.nan,
    "regexp": lambda: re.compile("x", re.IGNORECASE),
    "error": lambda: TypeError("t"),
    "class": _Unstorable,
    "circular": _circular,
    "function": lambda: _mix,
    "symbol": object,
    "response": _Unstorable,
    "mix": _mix,
}


def notation(value: Any) -> Json:
    """A Python value as the recordings write it."""
    match value:
        case datetime():
            text = value.astimezone(UTC).isoformat(timespec="milliseconds")
            return {"$date": text.replace("+00:00", "Z")}
        case set() | frozenset():
            return {"$set": [notation(item) for item in sorted(value, key=repr)]}
        case bytes():
            return {"$bytes": len(value)}
        case StepStream():
            return {"$stream": value.size}
        case float() if math.isnan(value):
            return {"$number": "NaN"}
        case float() if math.isinf(value):
            return {"$number": "Infinity" if value > 0 else "-Infinity"}
        case dict():
            return {key: notation(item) for key, item in value.items()}
        case list() | tuple():
            return [notation(item) for item in value]
    return value


def shown_context(ctx: StepContext | None) -> Json:
    """A step context with the recorded keys, in milliseconds."""
    if ctx is None:
        return None
    step = {"name": ctx.step.name, "count": ctx.step.count}
    return {"step": step, "attempt": ctx.attempt, "config": shown_config(ctx.config)}


def shown_rollback(failed: Any) -> Json:
    """What a rollback is called with, with the recorded keys."""
    name, message = name_and_message(failed.error)
    ctx, output = shown_context(failed.ctx), notation(failed.output)
    return {"ctx": ctx, "error": {"name": name, "message": message}, "output": output}


def shown_config(config: Mapping[str, Any] | None) -> Json:
    """A step's configuration with bare numbers in milliseconds, as the recordings have them."""
    if config is None:
        return None
    shown = dict(config)
    if isinstance(retries := shown.get("retries"), Mapping):
        shown["retries"] = {**retries} | (
            {"delay": _in_milliseconds(retries["delay"])} if "delay" in retries else {}
        )
    if "timeout" in shown:
        shown["timeout"] = _in_milliseconds(shown["timeout"])
    return shown


def _in_milliseconds(duration: Any) -> Json:
    number = isinstance(duration, int | float) and not isinstance(duration, bool)
    return round(duration * 1_000, 3) if number else duration
