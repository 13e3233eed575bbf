"""How long a workflow of five steps takes, from its creation to its result."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.contest import CEILINGS, OURS, ceiling, perdure
from benchmarks.figures import TIMES, Answer, at_most, ratios
from benchmarks.peers.entrants import BACKGROUND, entered
from benchmarks.rounds import interleaved

__all__ = ["QUESTION"]

_STEPS = 5
_COMMITS = _STEPS + 2  # its creation and its end are commits, too


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    work = {"what": "latency", "count": asked.size(200, 10), "steps": _STEPS}
    own = [perdure(asked, work), *(ceiling(asked, who, work, rows=_COMMITS) for who in CEILINGS)]
    fewer = {**work, "count": asked.size(100, 10)}  # the slowest takes a third of a second for each
    with entered(asked, fewer, answer) as peers:
        replies = interleaved([*own, *peers], asked.times(5), answer=answer, tell=asked.tell)
    p50 = {who: [reply["p50_ms"] for reply in rounds] for who, rounds in replies.items()}
    for who, rounds in replies.items():
        answer.add("p50", who, "ms", p50[who])
        answer.add("p99", who, "ms", [reply["p99_ms"] for reply in rounds])
    best = [min(each) for each in zip(*(p50[who] for who in CEILINGS), strict=True)]
    answer.add("p50", f"{OURS} / better ceiling", TIMES, ratios(p50[OURS], best), at_most(1.4))
    others = [values for who, values in p50.items() if who not in (OURS, BACKGROUND, *CEILINGS)]
    if others:
        best = [min(each) for each in zip(*others, strict=True)]
        answer.add("p50", f"{OURS} / best peer", TIMES, ratios(p50[OURS], best), at_most(0.25))
    answer.remarks.append(
        f"The ceiling is {_COMMITS} commits of bare SQLite, one after the other. "
        f"{BACKGROUND}, goes on before a step is on the disk: it is shown, and not counted as a peer."
    )
    return answer


QUESTION = Question("latency", "How long from creating a workflow of 5 steps to its result?", _ask)
