"""Named places where a test may raise, delay or kill: nothing happens there, and it costs next to nothing.

A child process is told by its environment: `PERDURE_FAILPOINT=store.before_commit:kill:3` kills it when it
comes there for the third time.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal, cast, get_args

__all__ = ["Action", "FailpointReached", "arm", "disarm", "failpoint", "watch"]

Action = Literal["kill", "raise", "delay"]

VARIABLE = "PERDURE_FAILPOINT"
_DELAY = 0.05

_reached: Callable[[str], None] | None = None


class FailpointReached(Exception):
    """What the action `raise` raises."""


def failpoint(name: str) -> None:
    """A place that is reached; every call in the source has a name of its own, written out."""
    if _reached is not None:
        _reached(name)


def arm(name: str, action: Action, nth: int = 1) -> None:
    """From the `nth` time that this place is reached, counted from now, `action` is taken; `kill` is once."""
    count = 0

    def act(reached: str) -> None:
        nonlocal count
        if reached == name:
            count += 1
            if count >= nth:
                _take(action, name)

    _set(act)


def watch() -> Counter[str]:
    """Counts from now on how often each place is reached."""
    counts: Counter[str] = Counter()

    def count(reached: str) -> None:
        counts[reached] += 1

    _set(count)
    return counts


def disarm() -> None:
    """Nothing happens any more."""
    _set(None)


def _set(reached: Callable[[str], None] | None) -> None:
    global _reached  # noqa: PLW0603  # one variable is what makes the usual case cheap
    _reached = reached


def _take(action: Action, name: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    elif action == "delay":
        time.sleep(_DELAY)
    else:
        raise FailpointReached(name)


def _arm_as_told(told: str) -> None:
    name, action, nth = told.split(":")
    if action not in get_args(Action):
        raise ValueError(f"{VARIABLE} is name:kill|raise|delay:nth, not {told!r}")
    arm(name, cast("Action", action), int(nth))


if VARIABLE in os.environ:
    _arm_as_told(os.environ[VARIABLE])
