"""How much memory a waiting instance takes while it is hot, and when it is parked."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.contest import OURS, asking
from benchmarks.figures import Answer, at_most
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_GOALS = {"hot": 4_096, "parked": 64}


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    count = asked.many(5_000, 300)
    contenders = [
        Contender(
            f"{state}, {how}",
            asking(
                "benchmarks.programs.waiting",
                OURS,
                asked,
                {"count": count, "parked": state == "parked", "traced": how == "Python objects"},
            ),
        )
        for state in _GOALS
        for how in ("Python objects", "whole process")
    ]
    replies = interleaved(contenders, asked.times(3), answer=answer, tell=asked.tell)
    for state, most in _GOALS.items():
        objects, whole = replies[f"{state}, Python objects"], replies[f"{state}, whole process"]
        sizes = [one["bytes_each"] for one in objects]
        answer.add(f"a {state} instance: its Python objects", OURS, "bytes", sizes, at_most(most))
        sizes = [one["bytes_each"] for one in whole]
        answer.add(f"a {state} instance: growth of the process", OURS, "bytes", sizes)
        answer.add(f"a {state} instance: in the file", OURS, "bytes", [one["file_each"] for one in whole])
    answer.remarks.append(
        "Python objects are counted by tracemalloc; the growth of the process has SQLite's page cache in it, "
        "which ends at 64 MB."
    )
    return answer


QUESTION = Question("memory", "How much memory does a waiting instance take, hot and parked?", _ask)
