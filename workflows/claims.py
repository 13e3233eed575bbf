"""How often an instance was taken up in vain: by processes that died before anything of it had ended.

Pure. A row remembers which process took it up last and how far it was then; whether that came to anything is
found out when the next process takes it up. So nothing is written while all goes well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from workflows.errors import WorkflowError
from workflows.types import Status

__all__ = ["QUARANTINE_AFTER", "Held", "Tried", "checked_quarantine", "condemned", "held", "reason", "runs"]

QUARANTINE_AFTER = 3
"""Before that, an innocent one could not be told from the one that ends the process."""


class Tried(IntEnum):
    """How an instance that may end the process was let in last."""

    NOT = 0
    """With all others; or it has been there for so long that what came after it is to be looked at first."""
    BESIDE = 1
    """After others that may still end the process: when it dies, this one is the first to be tried alone."""
    ALONE = 2


@dataclass(frozen=True, slots=True)
class Held:
    """Who has taken an instance up, and how often that was done without anything of it having ended."""

    process: int | None = None
    """The number of the process; None: nothing of it runs, or all that it does is wait."""
    claims: int = 1
    """Processes in a row that have taken it up with nothing having ended in between, with this one."""
    ended: int = 0
    """How many of its entries had ended."""
    tried: Tried = Tried.NOT


def runs(status: Status) -> bool:
    """Something of an instance with this status can run."""
    return status in ("running", "waitingForPause")


def held(
    before: Held, process: int, *, died: bool, ended: int, status: Status, tried: Tried
) -> tuple[Held, bool]:
    """How it is held once `process` has taken it up, and whether the one before died while it was alone.

    `died`: the one before has not let go of it in order. `ended`: how many of its entries have ended now.
    """
    same = before.process == process
    in_vain = before.process is not None and before.ended == ended and (same or died)
    claims = before.claims + (not same) if in_vain else 1
    after = Held(
        process if runs(status) else None, claims, ended, max(tried, before.tried) if same else tried
    )
    return after, in_vain and before.tried is Tried.ALONE and not same


def reason(in_vain: int) -> str:
    """Why it is paused, and what to do."""
    return (
        f"{in_vain} processes in a row died while it ran, and nothing of it ended; it was tried alone in the"
        " last one, so it seems to end the process (os._exit, a crash in a C extension, too much memory):"
        " resume() tries it again, terminate() ends it"
    )


def checked_quarantine(after: object) -> int | None:
    """After how many processes an instance is quarantined."""
    if after is not None and (type(after) is not int or after < QUARANTINE_AFTER):
        raise WorkflowError(
            f"quarantine_after is {after!r}: give a whole number, {QUARANTINE_AFTER} or more, or None"
        )
    return after


def condemned(claims: int, after: int | None) -> bool:
    """Enough processes have died; `claims` counts this one, too, and None means never."""
    return after is not None and claims > after
