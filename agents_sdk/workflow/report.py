"""`EndReport`: the hook by which the agent that has started an instance hears of its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

__all__ = ["PLACE", "EndReport", "with_report"]

PLACE: Final = "agents"
"""What an `AgentsApp` serves: hooks are delivered there, and workflows reach it."""


@dataclass(frozen=True, slots=True)
class EndReport:
    """See `workflows.PlacedHook`: which agent is told, its row says."""

    place: ClassVar[str] = PLACE
    name: ClassVar[str] = "the agent that has started it"


def with_report(hooks: object) -> object:
    """The hooks of a class, with the one that tells its agent; what is no list of hooks is left as it is."""
    if not isinstance(hooks, Sequence) or isinstance(hooks, str) or EndReport() in hooks:
        return hooks
    return (*hooks, EndReport())
