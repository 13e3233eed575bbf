"""Who is compared with us, and what has to be known about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.asked import Asked
from benchmarks.child import Unavailable
from benchmarks.contest import asking
from benchmarks.figures import Answer, Skipped
from benchmarks.peers import environment, postgres
from benchmarks.rounds import Contender

__all__ = ["BACKGROUND", "PEERS", "Peer", "entered"]

_LIMIT = 300.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One other engine."""

    who: str
    module: str
    on_postgres: bool = False
    also: Mapping[str, object] = field(default_factory=dict)
    """What its program has to be told besides the work."""


BACKGROUND = "LangGraph, saving in the background"
PEERS = (
    Peer("DBOS on SQLite", "dbos_transact"),
    Peer("DBOS on PostgreSQL", "dbos_transact", on_postgres=True),
    Peer("Absurd on PostgreSQL", "absurd_postgres", on_postgres=True),
    Peer("LangGraph on SQLite", "langgraph_sqlite", also={"durability": "sync"}),
    Peer(BACKGROUND, "langgraph_sqlite", also={"durability": "async"}),
    Peer("Temporal on SQLite", "temporal_server"),
)


@contextmanager
def entered(asked: Asked, work: Mapping[str, object], answer: Answer) -> Iterator[list[Contender]]:
    """The peers that can take part, as long as what they need runs; the others are told in `answer`."""
    if not asked.peers:
        answer.skipped.append(Skipped("all peers", "nobody asked for them"))
        yield []
        return
    with ExitStack() as resources:
        try:
            python = environment.python(asked.tell)
        except Unavailable as error:
            answer.skipped.append(Skipped("all peers", str(error)))
            yield []
            return
        server = None
        try:
            server = resources.enter_context(postgres.running(asked.tell, asked.folder))
        except Unavailable as error:
            answer.skipped += [Skipped(one.who, str(error)) for one in PEERS if one.on_postgres]
        yield [
            _contender(asked, peer, {**work, **peer.also}, python, server if peer.on_postgres else None)
            for peer in PEERS
            if server is not None or not peer.on_postgres
        ]


def _contender(
    asked: Asked, peer: Peer, work: Mapping[str, object], python: str, server: str | None
) -> Contender:
    told = work if server is None else {**work, "postgres": server}
    measure = asking(f"benchmarks.peers.{peer.module}", peer.who, asked, told, python=python, limit=_LIMIT)
    return Contender(peer.who, measure, may_fail=True)
