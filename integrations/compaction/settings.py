"""When to compact, how far, and what to leave alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from integrations.compaction.redact import Redact, redacted
from integrations.tokens import Counter

Touch: TypeAlias = Literal["read", "changed"]


@dataclass(frozen=True, slots=True)
class Room:
    """What the messages of one request may take, in tokens."""

    limit: int
    threshold: int
    goal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to compact; sizes are in tokens.

    `at` and `target` are fractions of what the window leaves to the messages: compaction starts at the first
    and ends below the second.
    """

    at: float = 0.75
    target: float = 0.40
    window: int = 128_000
    reserve: int = 16_384
    """Kept free for the answer."""
    tail: int = 20_000
    """The newest messages stay as they are, up to this (and up to half of the target)."""
    keep_results: int = 3
    """The newest tool results stay in full."""
    keep_tools: frozenset[str] = frozenset()
    """Results of these tools are never shortened."""
    pin_task: bool = True
    """The first user message stays verbatim."""
    file_tools: Mapping[str, Touch] = field(default_factory=dict)
    """Tools that touch files, to keep a list of them: `{"read_file": "read", "write_file": "changed"}`."""
    named_arguments: frozenset[str] = frozenset()
    """Arguments of tool calls whose values are kept in a list, e.g. `{"order_id", "ticket"}`."""
    redact: Redact = redacted
    """Takes credentials out of whatever a summary request has; by default those that code review knows."""
    counter: Counter | None = None
    """Counts the tokens of a text; by default as the newest models of OpenAI do."""
    summary_input: int = 60_000
    """What one summary request may take."""
    min_gain: float = 0.10
    """A compaction that frees less than this fraction is a strike."""
    strikes: int = 2
    """After so many in a row, `CompactionIneffective`."""

    def __post_init__(self) -> None:
        if not 0 < self.target < self.at <= 1:
            raise ValueError(
                f"compaction needs 0 < target < at <= 1, not target={self.target} and at={self.at}"
            )
        if self.reserve >= self.window:
            raise ValueError(f"reserve={self.reserve} leaves nothing of the window of {self.window} tokens")
        if not 0 <= self.min_gain <= 1 - self.target / self.at:
            raise ValueError(
                f"target={self.target} is too near to at={self.at}: between them must lie at least "
                f"min_gain={self.min_gain}"
            )
        for name in ("tail", "keep_results"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} cannot be negative")
        for name in ("reserve", "summary_input", "strikes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")

    def room(self, overhead: int) -> Room:
        """The room beside a fixed overhead: tool definitions and whatever else is sent with every request."""
        limit = max(0, self.window - self.reserve - overhead)
        return Room(limit=limit, threshold=int(limit * self.at), goal=int(limit * self.target))
