"""How long after a SIGKILL the unfinished instances go on."""

from __future__ import annotations

import time

from benchmarks.asked import Asked, Question
from benchmarks.child import Child, Reply, ask
from benchmarks.contest import OURS, judged
from benchmarks.figures import Answer, at_most
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_PROGRAM = "benchmarks.programs.recovery"


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count = asked.many(10_000, 300)

    def killed_and_resumed() -> Reply:
        with asked.scratch() as folder:
            work = {"folder": folder, "count": count}
            first = Child(_PROGRAM, {**work, "life": 1})
            first.line()
            first.kill()
            return judged(OURS, ask(_PROGRAM, {**work, "life": 2, "since": time.time()}))

    contender = Contender(OURS, killed_and_resumed)
    replies = interleaved([contender], asked.times(3), answer=answer, tell=asked.tell)[OURS]
    answer.add("first resumed step", OURS, "s", [one["first_s"] for one in replies], at_most(2))
    answer.add(f"all {count:,} live", OURS, "s", [one["all_s"] for one in replies], at_most(15))
    answer.remarks.append(
        "Counted from the start of the second process: Python, imports and the opening of the file are in it."
    )
    return answer


QUESTION = Question("recovery", "How long after a SIGKILL do 10,000 unfinished instances go on?", _ask)
