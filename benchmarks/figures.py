"""What comes of a question: figures with the rounds behind them, goals, who was left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

__all__ = ["TIMES", "Answer", "Figure", "Goal", "Skipped", "Wrong", "at_least", "at_most", "demand", "ratios"]


TIMES = "x"
"""The unit of a ratio."""


TIMES = "x"
"""The unit of a ratio."""


class Wrong(Exception):
    """A result was wrong, or something acknowledged is not there: the figures mean nothing."""


def demand(holds: object, otherwise: str) -> None:
    """Raises `Wrong` unless it holds."""
    if not holds:
        raise Wrong(otherwise)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be."""

    sign: Literal["≥", "≤"]
    bound: float

    def met(self, value: float) -> bool:
        """Whether `value` is on the right side."""
        return value >= self.bound if self.sign == "≥" else value <= self.bound


def at_least(bound: float) -> Goal:
    """The more, the better."""
    return Goal("≥", bound)


def at_most(bound: float) -> Goal:
    """The less, the better."""
    return Goal("≤", bound)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: the median of its rounds counts."""

    what: str
    who: str
    unit: str
    rounds: tuple[float, ...]
    goal: Goal | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else self.goal.met(self.value)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Somebody who did not take part."""

    who: str
    why: str


@dataclass(slots=True)
class Answer:
    """Everything that one question has brought."""

    figures: list[Figure] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add(
        self, what: str, who: str, unit: str, rounds: Sequence[float] | float, goal: Goal | None = None
    ) -> Figure:
        """One more figure."""
        values = (float(rounds),) if isinstance(rounds, int | float) else tuple(rounds)
        figure = Figure(what, who, unit, values, goal)
        self.figures.append(figure)
        return figure


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, so that what disturbs a round disturbs both sides."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]
