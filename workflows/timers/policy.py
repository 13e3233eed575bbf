"""What becomes of a timer that is late, fails, or is due while its last call is still going on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = ["Catchup", "Overlap", "TimerPolicy"]

Catchup: TypeAlias = Literal["skip", "one", "all"]
"""What becomes of the times that a recurring timer missed: none, the latest, or each of them in order."""

Overlap: TypeAlias = Literal["skip", "queue_one", "allow"]
"""What becomes of times that come while it is called: none, the latest of them after it, or side by side."""

_LONGEST = 86_400.0
_MOST_ATTEMPTS = 1_000


@dataclass(frozen=True, slots=True)
class TimerPolicy:
    """The options of a timer; raises `ValueError` when one of them makes no sense."""

    catchup: Catchup = "one"
    overlap: Overlap = "skip"
    jitter: float = 0.0
    """Up to how many seconds after its time it is called; how many is the same in every process."""
    attempts: int = 7
    """How often it is called for one time."""
    base_delay: float = 2.0
    """Seconds before the second attempt, doubled for each further one, give or take a quarter."""
    max_delay: float = 600.0

    def __post_init__(self) -> None:
        _one_of("catchup", self.catchup, get_args(Catchup))
        _one_of("overlap", self.overlap, get_args(Overlap))
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int):
            raise ValueError(f"attempts {self.attempts!r} is not a whole number")
        if self.attempts < 1:
            raise ValueError(f"attempts {self.attempts!r} is too few: give at least 1")
        if self.attempts > _MOST_ATTEMPTS:
            raise ValueError(f"attempts {self.attempts!r} is too many: give at most {_MOST_ATTEMPTS:,}")
        for name in ("jitter", "base_delay", "max_delay"):
            _delay(name, getattr(self, name))
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"base_delay {self.base_delay!r} is longer than max_delay {self.max_delay!r}:"
                " give a longer max_delay as well"
            )


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        *others, last = (f'"{one}"' for one in known)
        raise ValueError(f"{name} {value!r} is not known: use {', '.join(others)} or {last}")


def _delay(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number:
        raise ValueError(f"{name} {value!r} is not a number of seconds")
    assert isinstance(value, int | float)
    if not 0 <= value <= _LONGEST:
        raise ValueError(f"{name} {value!r} is out of range: give 0 to {_LONGEST:,.0f} seconds")
