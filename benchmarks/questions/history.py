"""Whether a step costs more when many came before it, and how fast a long history is played again."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.contest import OURS, asking
from benchmarks.figures import TIMES, Answer, at_most, ratios
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_KINDS = {"steps": 1.1, "sleeps": 1.2}


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count, edge = asked.many(10_000, 400), asked.size(500, 100)
    contenders = [
        Contender(
            what,
            asking("benchmarks.programs.history", OURS, asked, {"what": what, "count": count, "edge": edge}),
        )
        for what in _KINDS
    ]
    replies = interleaved(contenders, asked.times(3), answer=answer, tell=asked.tell)
    for what, most in _KINDS.items():
        first = [reply["first_ms"] for reply in replies[what]]
        last = [reply["last_ms"] for reply in replies[what]]
        answer.add(f"first {edge} {what}", OURS, "ms each", first)
        answer.add(f"last {edge} of {count:,} {what}", OURS, "ms each", last)
        answer.add(f"{what}: last / first", OURS, TIMES, ratios(last, first), at_most(most))
        answer.add(
            f"{count:,} {what}: open the file and replay",
            OURS,
            "ms",
            [reply["replayed_ms"] for reply in replies[what]],
        )
    answer.remarks.append("A sleep is of one millisecond; its time includes it.")
    return answer


QUESTION = Question("history", "Does a step cost more when 10,000 came before it?", _ask)
