"""Who is compared, how each is asked, and what must be true of every reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.asked import Asked
from benchmarks.child import LIMIT, Reply, ask
from benchmarks.figures import demand
from benchmarks.rounds import Contender

__all__ = ["CEILINGS", "FLOOR", "OURS", "asking", "ceiling", "judged", "perdure"]

OURS = "Perdure"
THREAD = "ceiling: sqlite3"
AIOSQLITE = "ceiling: aiosqlite"
CEILINGS = (THREAD, AIOSQLITE)
FLOOR = "ceiling with the work of the steps"
_WARM_UP = 20


def perdure(asked: Asked, work: Mapping[str, object]) -> Contender:
    """Our engine, in a fresh process on a fresh file."""
    return Contender(OURS, asking("benchmarks.programs.steps", OURS, asked, work))


def ceiling(asked: Asked, who: str, work: Mapping[str, object], *, rows: int) -> Contender:
    """Bare SQLite, with so many commits in place of one workflow; FLOOR calls and keeps what ours does."""
    through = "aiosqlite" if who == AIOSQLITE else "sqlite3"
    told = {**work, "through": through, "steps": rows, "works": who == FLOOR}
    return Contender(who, asking("benchmarks.programs.ceiling", who, asked, told))


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


def asking(
    module: str,
    who: str,
    asked: Asked,
    work: Mapping[str, object],
    *,
    python: str | None = None,
    limit: float = LIMIT,
) -> Callable[[], Reply]:
    """Measures by a program, and judges its reply."""

    def measure() -> Reply:
        with asked.scratch() as folder:
            reply = ask(module, {"warm_up": _WARM_UP, **work, "folder": folder}, python=python, limit=limit)
        return judged(who, reply)

    return measure
