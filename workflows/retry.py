"""A step's configuration, validated, and the delay before its next attempt."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import orjson

from workflows.duration import Duration, seconds
from workflows.errors import InvalidDuration, NonRetryableDelayError, WorkflowFatalError, WorkflowTimeoutError
from workflows.failure import UNWINDS

__all__ = [
    "DEFAULT",
    "DELAY_BUDGET",
    "Backoff",
    "DelayContext",
    "DelayFunction",
    "Retries",
    "RetryOptions",
    "StepConfig",
    "StepOptions",
    "backed_off",
    "called_delay",
    "stored_options",
    "undoable",
]

Backoff = Literal["constant", "linear", "exponential"]
_BACKOFFS = ("constant", "linear", "exponential")
DELAY_BUDGET = 5.0
"""Seconds that a delay function may take."""


@dataclass(frozen=True, slots=True)
class DelayContext:
    """What a delay function is called with: the attempt that failed, and its error."""

    ctx: Any
    error: Exception


DelayFunction = Callable[[DelayContext], "Duration | Awaitable[Duration]"]


class RetryOptions(TypedDict, total=False):
    """`retries=`: how many further attempts after the first, and how long to wait before each."""

    limit: int
    delay: Duration | DelayFunction
    backoff: Backoff


class StepOptions(TypedDict, total=False):
    """`config=`: all options of a step in Cloudflare's form."""

    retries: RetryOptions
    timeout: Duration
    sensitive: Literal["output"]


@dataclass(frozen=True, slots=True)
class Retries:
    """Validated `retries`; `delay` as it was written, `delay_seconds` None for a function."""

    limit: int = 5
    delay: Duration | DelayFunction = "10 seconds"
    backoff: Backoff = "exponential"
    delay_seconds: float | None = 10.0


@dataclass(frozen=True, slots=True)
class StepConfig:
    """Validated options of one step."""

    retries: Retries = Retries()
    timeout: Duration = "10 minutes"
    sensitive: Literal["output"] | None = None
    timeout_seconds: float = 600.0

    @classmethod
    def of(cls, name: str, options: Mapping[str, Any]) -> StepConfig:
        """The configuration that `options` say; `WorkflowFatalError` says which one is wrong."""
        try:
            return _config(options)
        except (ValueError, TypeError) as error:
            raise WorkflowFatalError(f'Step config for "{name}" is in a invalid format: {error}') from None

    @classmethod
    def of_rollback(cls, name: str, options: Mapping[str, Any]) -> StepConfig:
        """The same for the compensation of a step."""
        try:
            _refuse_unknown(options, ("retries", "timeout"), "option")
            return _config(options)
        except (ValueError, TypeError) as error:
            raise WorkflowFatalError(
                f'Rollback config for "{name}" is in a invalid format: {error}'
            ) from None

    def as_first(self, stored: bytes, name: str) -> StepConfig:
        """The configuration of the first run, which counts; a delay function is always today's."""
        options = stored_options(stored)
        options["retries"].setdefault("delay", self.retries.delay)
        return StepConfig.of(name, options)

    def stored(self, *, undoable: bool) -> bytes | None:
        """As it is kept with an entry, together with whether the step can be undone; None: as by default."""
        if self is DEFAULT and not undoable:
            return None
        mark = {_UNDOABLE: True} if undoable else {}
        return orjson.dumps(self.shown() | mark, default=_as_seconds)

    def shown(self) -> dict[str, Any]:
        """As steps and subscribers see it: values as they were written, no delay for a function."""
        retries: dict[str, Any] = {"limit": self.retries.limit, "backoff": self.retries.backoff}
        if self.retries.delay_seconds is not None:
            retries["delay"] = self.retries.delay
        shown: dict[str, Any] = {"retries": retries, "timeout": self.timeout}
        return shown | ({"sensitive": self.sensitive} if self.sensitive else {})


DEFAULT = StepConfig()
_UNDOABLE = "rollback"


def stored_options(stored: bytes | None) -> dict[str, Any]:
    """The options that are kept with an entry; a delay function is not among them."""
    if stored is None:
        return DEFAULT.shown()
    options: dict[str, Any] = orjson.loads(stored)
    options.pop(_UNDOABLE, None)
    return options


def undoable(stored: bytes | None) -> bool:
    """Whether the step of an entry was given a rollback, by its stored options."""
    return stored is not None and _UNDOABLE in orjson.loads(stored)


def _config(options: Mapping[str, Any]) -> StepConfig:
    _refuse_unknown(options, ("retries", "timeout", "sensitive"), "option")
    timeout = options.get("timeout", DEFAULT.timeout)
    limit = seconds(timeout, what="timeout")
    if limit <= 0:
        raise ValueError(f"timeout {timeout!r} must be more than 0")
    sensitive = options.get("sensitive")
    if sensitive not in (None, "output"):
        raise ValueError(f'sensitive {sensitive!r} must be "output"')
    retries = _retries(options["retries"]) if options.get("retries") is not None else DEFAULT.retries
    return StepConfig(retries, timeout, sensitive, limit)


def _retries(options: Mapping[str, Any]) -> Retries:
    if not isinstance(options, Mapping):
        raise TypeError(f"retries {options!r} must be a dict with limit and delay")
    _refuse_unknown(options, ("limit", "delay", "backoff"), "retries option")
    for name in ("limit", "delay"):
        if name not in options:
            raise ValueError(f"retries needs {name}")
    limit, delay, backoff = options["limit"], options["delay"], options.get("backoff", "exponential")
    if type(limit) is not int or limit < 0:
        raise ValueError(f"retries limit {limit!r} must be a whole number, 0 or more")
    if backoff not in _BACKOFFS:
        raise ValueError(f"backoff {backoff!r} must be one of {', '.join(_BACKOFFS)}")
    return Retries(limit, delay, backoff, None if callable(delay) else _delay(delay))


def _delay(delay: Duration) -> float:
    number = seconds(delay, what="retries delay")
    if number < 0:
        raise ValueError(f"retries delay {delay!r} must be 0 or more")
    return number


def _refuse_unknown(options: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(f"unknown {what} {unknown[0]!r}; known are {', '.join(known)}")


def backed_off(delay: float, backoff: Backoff, attempt: int) -> float:
    """Seconds to wait after failed attempt number `attempt`."""
    match backoff:
        case "constant":
            return delay
        case "linear":
            return delay * attempt
        case "exponential":
            return delay * math.pow(2, min(attempt - 1, 512))


async def called_delay(call: Awaitable[Duration], step: str) -> float:
    """Seconds that a delay function returned; whatever it does wrong is `NonRetryableDelayError`."""
    prefix = f'The delay function for step "{step}"'
    try:
        delay = await call
    except WorkflowTimeoutError:
        raise NonRetryableDelayError(f"{prefix} did not return within {DELAY_BUDGET:g} seconds") from None
    except UNWINDS:
        raise
    except BaseException as error:
        raise NonRetryableDelayError(f"{prefix} threw an error: {error}") from error
    try:
        number = seconds(delay, what="it")
    except InvalidDuration as error:
        raise NonRetryableDelayError(f"{prefix} returned an invalid delay value ({error})") from None
    if number < 0:
        raise NonRetryableDelayError(f"{prefix} returned an invalid delay value ({delay!r} is negative)")
    return number


def _as_seconds(value: Any) -> float:
    return float(seconds(value))  # a timedelta, or a number of a class that JSON does not know
