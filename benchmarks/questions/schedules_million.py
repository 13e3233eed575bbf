"""A million pending timers: how fast a process starts with them, what it takes, how fast it adds one more."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.asked import Asked, Question
from benchmarks.child import Reply, ask
from benchmarks.contest import OURS, judged
from benchmarks.figures import TIMES, Answer, at_least, at_most, ratios
from benchmarks.peers.scheduler import PEER, peer
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_PROGRAM = "benchmarks.programs.timers"
_FEW = 1_000


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count, adds = asked.many(1_000_000, 1_000), asked.size(2_000, 50)
    few = min(_FEW, count // 10)
    contenders = [Contender(OURS, _ours(asked, count, few, adds))]
    work = {"count": asked.size(1_000, 50), "due_per_second": 20, "seconds": 1}
    contenders += peer(asked, work, answer)
    replies = interleaved(contenders, asked.times(1), answer=answer, tell=asked.tell)

    def told(who: str, name: str) -> list[float]:
        return [reply[name] for reply in replies[who]]

    pending = f"with {count:,} pending"
    answer.add(f"add {count:,}, 256 at a time", OURS, "/s", told(OURS, "filled_per_s"))
    answer.add(f"start {pending}", OURS, "ms", told(OURS, "started_ms"), at_most(2_000))
    answer.add(f"start {pending}: memory", OURS, "MB more", told(OURS, "grown_mb"), at_most(100))
    for name in ("p50", "p99"):
        for number, who in ((few, "few"), (count, "many")):
            answer.add(
                f"add one with {number:,} pending: {name}", OURS, "ms", told(OURS, f"add_{who}_{name}_ms")
            )
    slower = ratios(told(OURS, "add_many_p99_ms"), told(OURS, "add_few_p99_ms"))
    answer.add(f"add one: p99 with {count:,} / with {few:,}", OURS, TIMES, slower, at_most(3))
    if replies.get(PEER):
        answer.add(f"start with {work['count']:,} pending", PEER, "ms", told(PEER, "started_ms"))
        answer.add("add, as fast as it can", PEER, "/s", told(PEER, "added_per_s"))
        faster = ratios(told(OURS, "filled_per_s"), told(PEER, "added_per_s"))
        answer.add("adds a second", f"{OURS} / {PEER}", TIMES, faster, at_least(20))
    return answer


def _ours(asked: Asked, count: int, few: int, adds: int) -> Callable[[], Reply]:
    def measure() -> Reply:
        with asked.scratch() as folder:
            ask(_PROGRAM, {"what": "fill", "file": f"{folder}/few.db", "count": few})
            filled = ask(_PROGRAM, {"what": "fill", "file": f"{folder}/many.db", "count": count})
            asked.tell(f"{count:,} are pending")
            work = {"few": f"{folder}/few.db", "many": f"{folder}/many.db", "adds": adds}
            reply = ask(_PROGRAM, {"what": "million", "acknowledged": few + count + 2 * adds, **work})
        return {**judged(OURS, reply), "filled_per_s": filled["added_per_s"]}

    return measure


QUESTION = Question("schedules-million", "What do 1,000,000 pending timers cost?", _ask)
