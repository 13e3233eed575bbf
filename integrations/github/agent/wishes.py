"""What people say to the agent of a repository from the command line, signed as a delivery is."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, ValidationError

from integrations.value import Value

__all__ = ["Fingerprint", "Wishes", "read_wishes"]

_TOLERANCE = 300.0
"""Seconds that both clocks may differ, and that a message may be under way: an old one is not taken again."""

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]


class Wishes(Value):
    """Findings that are not to be told again, or may be told again; or the question which those are."""

    model_config = ConfigDict(extra="forbid")

    EVENT: ClassVar[str] = "perdure_dismissals"
    """In place of the name of an event of GitHub."""

    action: Literal["dismiss", "restore", "list"]
    fingerprints: tuple[Fingerprint, ...] = Field(default=(), max_length=1_000)
    who: str = Field(default="", max_length=100)
    reason: str = Field(default="", max_length=500)
    sent_at: float
    """Seconds since the epoch."""


def read_wishes(content: Any, *, now: float) -> Wishes | None:
    """The wishes in a message; None when it is old, or is none."""
    try:
        wishes = Wishes.model_validate(content)
    except ValidationError:
        return None
    return wishes if abs(now - wishes.sent_at) <= _TOLERANCE else None
