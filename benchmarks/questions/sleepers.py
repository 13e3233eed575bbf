"""A million sleeping instances: how fast they are created, what the process takes, how exactly they wake."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.contest import OURS, asking
from benchmarks.figures import Answer, at_least, at_most
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count = asked.many(1_000_000, 500)
    rate, seconds = asked.size(1_000, 100), asked.size(10, 1)
    work = {"count": count, "due_per_second": rate, "seconds": seconds}
    contender = Contender(OURS, asking("benchmarks.programs.sleepers", OURS, asked, work))
    replies = interleaved([contender], asked.times(1), answer=answer, tell=asked.tell)[OURS]

    def told(name: str) -> list[float]:
        return [reply[name] for reply in replies]

    answer.add(f"create {count:,}", OURS, "/s", told("created_per_s"))
    answer.add(f"create {count:,} and put them to sleep", OURS, "/s", told("asleep_per_s"), at_least(20_000))
    answer.add("whole process", OURS, "MB", told("resident_mb"), at_most(300))
    answer.add("more memory for each", OURS, "bytes", told("bytes_each"))
    answer.add(f"{rate:,} due a second: lateness p50", OURS, "ms", told("p50_ms"))
    answer.add(f"{rate:,} due a second: lateness p99", OURS, "ms", told("p99_ms"), at_most(250))
    answer.add(f"{rate:,} due a second: lateness at most", OURS, "ms", told("most_ms"))
    answer.add("created before the first was due", OURS, "s", told("ahead_s"))
    return answer


QUESTION = Question("sleepers", "What do 1,000,000 sleeping instances cost, and when do they wake?", _ask)
