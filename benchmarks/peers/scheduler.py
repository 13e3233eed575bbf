"""APScheduler's SQLAlchemy store as a contender, where it can be installed."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.asked import Asked
from benchmarks.child import Unavailable
from benchmarks.contest import asking
from benchmarks.figures import Answer, Skipped
from benchmarks.peers import environment
from benchmarks.rounds import Contender

__all__ = ["PEER", "peer"]

PEER = "APScheduler's SQLAlchemy store"


def peer(asked: Asked, work: Mapping[str, int], answer: Answer) -> list[Contender]:
    """The contender, or none; then `answer` says why."""
    try:
        if not asked.peers:
            raise Unavailable("nobody asked for it")
        python = environment.python(asked.tell)
    except Unavailable as error:
        answer.skipped.append(Skipped(PEER, str(error)))
        return []
    module = "benchmarks.peers.apscheduler_store"
    return [Contender(PEER, asking(module, PEER, asked, work, python=python), may_fail=True)]
