"""How a compaction ended."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from integrations.compaction.message import Message
from integrations.compaction.overlay import Overlay
from workflows.errors import NonRetryableError


class Reason(Enum):
    """Why nothing was done."""

    BELOW_THRESHOLD = "below the threshold"
    OPEN_CALL = "a tool call still waits for its result"
    NOTHING_NEW = "this history was compacted as far as it goes"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was done; `messages` are shown as before."""

    messages: tuple[Message, ...]
    overlay: Overlay
    tokens: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Compacted:
    """The messages to send now take at most the target. Store the overlay."""

    messages: tuple[Message, ...]
    overlay: Overlay
    tokens: int


@dataclass(frozen=True, slots=True)
class FellShort:
    """All that could be done, still above the target, but within the window. Store the overlay."""

    messages: tuple[Message, ...]
    overlay: Overlay
    tokens: int
    goal: int


Outcome: TypeAlias = Unchanged | Compacted | FellShort


class CompactionIneffective(NonRetryableError):
    """Compacting does not help: what must stay is too large. `outcome` has the messages as they are.

    Raised instead of trying again on every turn; nothing is asked of a model before.
    """

    def __init__(self, message: str, outcome: FellShort) -> None:
        super().__init__(message)
        self.outcome = outcome
