"""Who is compared, how each is asked, and what must be true of every reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.asked import Asked
from benchmarks.child import Reply, ask
from benchmarks.figures import demand
from benchmarks.rounds import Contender

__all__ = ["AIOSQLITE", "CEILINGS", "OURS", "THREAD", "ceiling", "judged", "perdure"]

OURS = "Perdure"
THREAD = "ceiling: sqlite3"
AIOSQLITE = "ceiling: aiosqlite"
CEILINGS = (THREAD, AIOSQLITE)
_WARM_UP = 20


def perdure(asked: Asked, work: Mapping[str, object]) -> Contender:
    """Our engine, in a fresh process on a fresh file."""
    return Contender(OURS, _asking("benchmarks.programs.steps", asked, work))


def ceiling(asked: Asked, who: str, work: Mapping[str, object], *, rows: int) -> Contender:
    """Bare SQLite, with so many commits in place of one workflow."""
    through = "sqlite3" if who == THREAD else "aiosqlite"
    return Contender(
        who, _asking("benchmarks.programs.ceiling", asked, {**work, "through": through, "rows": rows})
    )


def judged(who: str, reply: Reply) -> Reply:
    """The reply, when every result was right and everything acknowledged is there; else `Wrong`."""
    demand(
        reply["right"] == reply["workflows"],
        f"{who}: {reply['workflows'] - reply['right']} of {reply['workflows']} results were wrong",
    )
    demand(
        reply["present"] == reply["acknowledged"],
        f"{who}: {reply['acknowledged']} rows were acknowledged, {reply['present']} are there",
    )
    return reply


def _asking(module: str, asked: Asked, work: Mapping[str, object]) -> Callable[[], Reply]:
    def measure() -> Reply:
        with asked.scratch() as folder:
            return judged(module, ask(module, {"warm_up": _WARM_UP, **work, "folder": folder}))

    return measure
