"""When a loop has gone on for long enough."""

from __future__ import annotations

from dataclasses import dataclass

from workflows import NonRetryableError

__all__ = ["Limits", "LoopLimitReached"]


class LoopLimitReached(NonRetryableError):
    """The model still calls tools; the message names the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one loop; tokens and money are limited by the budgets of the model, and by `budget=`."""

    turns: int = 20
    """Answers of the model."""
    calls: int = 50
    """Calls of tools, those included that were refused."""
    mistakes: int = 3
    """Turns in a row in which the model called nothing that there is, or nothing with valid arguments."""

    def __post_init__(self) -> None:
        for name in ("turns", "calls", "mistakes"):
            if type(value := getattr(self, name)) is not int or value < 1:
                raise ValueError(f"{name}={value!r}: give a whole number, 1 or more")

    def refuse_calls(self, wanted: int) -> str | None:
        """Why the calls of an answer are not made, after which there would be `wanted` in all."""
        if wanted > self.calls:
            return f"the model wants {wanted} calls of tools, and {self.calls} are allowed (calls=)"
        return None

    def refuse_turn(self, turns: int, mistakes: int) -> str | None:
        """Why the model is not asked again, after so many answers and mistakes in a row."""
        if mistakes >= self.mistakes:
            return f"the model made no valid call of a tool in {mistakes} turns in a row (mistakes=)"
        if turns >= self.turns:
            return f"the model has answered {turns} times, and still calls tools (turns=)"
        return None
