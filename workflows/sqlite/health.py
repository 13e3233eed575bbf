"""Whether the file can be written now, and what to do when it cannot."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GOOD", "Health"]


@dataclass(frozen=True, slots=True)
class Health:
    """`ok`, or the reason why nothing is written at the moment; reads may go on meanwhile."""

    ok: bool
    reason: str = ""


GOOD = Health(ok=True)
