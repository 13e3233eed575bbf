"""How many durable steps a second, with many workflows or few, against bare SQLite and against peers."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.child import Reply
from benchmarks.contest import CEILINGS, FLOOR, OURS, ceiling, perdure
from benchmarks.figures import TIMES, Answer, at_least, ratios
from benchmarks.peers.entrants import BACKGROUND, entered
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_STEPS = 10
_GOALS = {1: 0.70, 16: 0.60, 256: 0.40, 2_048: 0.35}
_WITH_PEERS = 256
_BETTER_THAN_PEERS = 20.0
_SECONDS = 2.0


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    for at_once in asked.size(tuple(_GOALS), (1, 16)):
        _at(at_once, asked, answer)
    answer.remarks.append(
        f"A workflow of {_STEPS} steps also commits its creation and its end; the ceiling writes {_STEPS} "
        f"rows and nothing else: with one workflow at a time {_STEPS / (_STEPS + 2):.2f} is all there is."
    )
    answer.remarks.append(
        f"The {FLOOR} also calls each function, dumps its model, reads it back and compares both. An engine "
        "that took no time at all would come to that."
    )
    return answer


def _at(at_once: int, asked: Asked, answer: Answer) -> None:
    seconds = asked.size(_SECONDS, 0.1)
    work = {"what": "throughput", "at_once": at_once, "seconds": seconds, "steps": _STEPS}
    own = [perdure(asked, work), *(ceiling(asked, who, work, rows=_STEPS) for who in (*CEILINGS, FLOOR))]
    if at_once != asked.size(_WITH_PEERS, 16):
        _compare(own, at_once, asked, answer)
        return
    with entered(asked, work, answer) as peers:
        _compare([*own, *peers], at_once, asked, answer)


def _compare(contenders: list[Contender], at_once: int, asked: Asked, answer: Answer) -> None:
    what = f"K = {at_once:,}"
    replies = interleaved(
        contenders, asked.times(5), answer=answer, tell=lambda told: asked.tell(f"{what}, {told}")
    )
    rates = {who: [_rate(reply) for reply in rounds] for who, rounds in replies.items()}
    for who, values in rates.items():
        answer.add(what, who, "steps/s", values)
    best = [max(each) for each in zip(*(rates[who] for who in CEILINGS), strict=True)]
    goal = at_least(_GOALS[at_once])
    answer.add(what, f"{OURS} / better ceiling", TIMES, ratios(rates[OURS], best), goal)
    answer.add(what, f"{FLOOR} / better ceiling", TIMES, ratios(rates[FLOOR], best))
    peers = [values for who, values in rates.items() if who not in (OURS, BACKGROUND, FLOOR, *CEILINGS)]
    if peers:
        best = [max(each) for each in zip(*peers, strict=True)]
        goal = at_least(_BETTER_THAN_PEERS)
        answer.add(what, f"{OURS} / best peer", TIMES, ratios(rates[OURS], best), goal)


def _rate(reply: Reply) -> float:
    rate: float = reply["workflows"] * _STEPS / reply["seconds"]
    return rate


QUESTION = Question("throughput", "How many durable steps a second, with K workflows at a time?", _ask)
