"""A million pending timers: how fast a process starts with them, adds one more, and calls what is due."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.asked import Asked, Question
from benchmarks.child import Reply, Unavailable, ask
from benchmarks.contest import OURS, asking, judged
from benchmarks.figures import TIMES, Answer, Skipped, at_least, at_most, ratios
from benchmarks.peers import environment
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_PROGRAM = "benchmarks.programs.timers"
_PEER = "APScheduler's SQLAlchemy store"


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count = asked.many(1_000_000, 1_000)
    rate, seconds = asked.size(1_000, 100), asked.size(10, 1)
    small = {"count": asked.size(1_000, 50), "due_per_second": asked.size(100, 20), "seconds": seconds}
    contenders = [Contender(OURS, _ours(asked, count, rate, seconds))]
    contenders += _peer(asked, small, answer)
    replies = interleaved(contenders, asked.times(1), answer=answer, tell=asked.tell)

    def told(who: str, name: str) -> list[float]:
        return [reply[name] for reply in replies[who]]

    pending = f"with {count:,} pending"
    answer.add(f"add {count:,}, 256 at a time", OURS, "/s", told(OURS, "filled_per_s"))
    answer.add(f"start {pending}", OURS, "ms", told(OURS, "started_ms"), at_most(2_000))
    answer.add(f"start {pending}: memory", OURS, "MB more", told(OURS, "grown_mb"), at_most(100))
    answer.add(f"add one {pending}: p50", OURS, "ms", told(OURS, "add_p50_ms"))
    answer.add(f"add one {pending}: p99", OURS, "ms", told(OURS, "add_p99_ms"))
    answer.add(f"add {pending}, 256 at a time", OURS, "/s", told(OURS, "added_per_s"))
    for name, most in (("p50", None), ("p99", at_most(100)), ("most", None)):
        what = f"{rate:,} due a second: lateness {name}"
        answer.add(what, OURS, "ms", told(OURS, f"{name}_ms"), most)
    if replies.get(_PEER):
        few = f"with {small['count']:,} pending"
        answer.add(f"start {few}", _PEER, "ms", told(_PEER, "started_ms"))
        answer.add("add, as fast as it can", _PEER, "/s", told(_PEER, "added_per_s"))
        answer.add(
            f"{small['due_per_second']} due a second: lateness p99", _PEER, "ms", told(_PEER, "p99_ms")
        )
        faster = ratios(told(OURS, "filled_per_s"), told(_PEER, "added_per_s"))
        answer.add("adds a second", f"{OURS} / {_PEER}", TIMES, faster, at_least(20))
    return answer


def _ours(asked: Asked, count: int, rate: int, seconds: int) -> Callable[[], Reply]:
    def measure() -> Reply:
        with asked.scratch() as folder:
            work = {"folder": folder, "count": count, "due_per_second": rate, "seconds": seconds}
            filled = ask(_PROGRAM, {**work, "what": "fill"})
            asked.tell(f"{count:,} are pending")
            reply = judged(OURS, ask(_PROGRAM, {**work, "what": "measure"}))
        return {**reply, "filled_per_s": filled["added_per_s"]}

    return measure


def _peer(asked: Asked, work: dict[str, int], answer: Answer) -> list[Contender]:
    try:
        if not asked.peers:
            raise Unavailable("nobody asked for it")
        python = environment.python(asked.tell)
    except Unavailable as error:
        answer.skipped.append(Skipped(_PEER, str(error)))
        return []
    module = "benchmarks.peers.apscheduler_store"
    return [Contender(_PEER, asking(module, _PEER, asked, work, python=python), may_fail=True)]


QUESTION = Question("schedules", "What do 1,000,000 pending timers cost, and how late are they?", _ask)
