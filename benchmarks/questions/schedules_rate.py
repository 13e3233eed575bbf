"""A thousand timers due each second, for a minute: how late they are, and whether each is called once."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.asked import Asked, Question
from benchmarks.child import Reply, ask
from benchmarks.contest import OURS, judged
from benchmarks.figures import Answer, at_most
from benchmarks.peers.scheduler import PEER, peer
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_PROGRAM = "benchmarks.programs.timers"


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count = asked.many(100_000, 500)
    rate, seconds = asked.size(1_000, 100), asked.size(60, 1)
    contenders = [Contender(OURS, _ours(asked, count, rate, seconds))]
    small = {
        "count": asked.size(100, 20),
        "due_per_second": asked.size(100, 20),
        "seconds": asked.size(10, 1),
    }
    contenders += peer(asked, small, answer)
    replies = interleaved(contenders, asked.times(1), answer=answer, tell=asked.tell)

    def told(who: str, name: str) -> list[float]:
        return [reply[name] for reply in replies[who]]

    answer.remarks.append(f"{rate:,} are due each second, for {seconds} s, with {count:,} others pending.")
    for name, most in (("p50", None), ("p99", at_most(100)), ("most", None)):
        answer.add(f"lateness {name}", OURS, "ms", told(OURS, f"{name}_ms"), most)
    for name in ("early", "lost", "doubled"):
        answer.add(name, OURS, "timers", told(OURS, name), at_most(0))
    if replies.get(PEER):
        slow = f"{small['due_per_second']} due a second for {small['seconds']} s"
        answer.add(f"{slow}: lateness p99", PEER, "ms", told(PEER, "p99_ms"))
    return answer


def _ours(asked: Asked, count: int, rate: int, seconds: int) -> Callable[[], Reply]:
    def measure() -> Reply:
        with asked.scratch() as folder:
            file = f"{folder}/timers.db"
            ask(_PROGRAM, {"what": "fill", "file": file, "count": count})
            asked.tell(f"{count:,} are pending")
            work = {"what": "rate", "file": file, "due_per_second": rate, "seconds": seconds}
            return judged(OURS, ask(_PROGRAM, {**work, "acknowledged": count}))

    return measure


QUESTION = Question("schedules-rate", "How late are 1,000 timers a second, and is each called once?", _ask)
