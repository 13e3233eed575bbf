"""1,000 connections, a tenth of which takes nothing: whether the others notice, and what the server keeps."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.child import Child, Reply, ask
from benchmarks.contest import judged
from benchmarks.figures import TIMES, Answer, at_most, ratios
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_ALL, _MOST = "all read", "a tenth does not"
_SEND_BUFFER = 16 << 10  # bytes in the system for each connection, so that it is soon full
_BOUND = 64  # MiB that may wait for one connection
_GROWTH = 200.0  # MB


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    connections = asked.many(1_000, 20)
    work = {
        "connections": connections,
        "size": 1_000,
        "paced": asked.size(100, 5),
        "gap": asked.size(0.1, 0.02),
        "flood": asked.size(1_000, 20),
    }

    def measure(who: str, silent: int) -> Reply:
        with asked.scratch() as folder:
            server = Child("benchmarks.programs.served", {"folder": folder, "send_buffer": _SEND_BUFFER})
            try:
                port = server.line()["port"]
                reply = ask("benchmarks.programs.crowd", {**work, "silent": silent, "port": port})
            finally:
                server.kill()
        return judged(who, reply)

    contenders = [
        Contender(_ALL, lambda: measure(_ALL, 0)),
        Contender(_MOST, lambda: measure(_MOST, connections // 10)),
    ]
    replies = interleaved(contenders, asked.times(3), answer=answer, tell=asked.tell)
    _tell(answer, replies)
    answer.remarks.append(
        f"{connections:,} connections; {work['paced']} broadcasts of {work['size']:,} bytes, one each"
        f" {work['gap']} s, then {work['flood']} that are wanted 1,000 a second: how many came is told."
        " The clients are one process on the same machine, and take their share of it."
    )
    return answer


def _tell(answer: Answer, replies: dict[str, list[Reply]]) -> None:
    for series in ("paced", "flood"):
        for share in ("p50", "p99"):
            rounds = {who: [one[series][f"{share}_ms"] for one in each] for who, each in replies.items()}
            for who, values in rounds.items():
                answer.add(f"{series}: delivery {share}", who, "ms", values)
            goal = at_most(2) if share == "p99" else None
            ratio = ratios(rounds[_MOST], rounds[_ALL])
            answer.add(f"{series}: delivery {share}", f"{_MOST} / {_ALL}", TIMES, ratio, goal)
    for who, each in replies.items():
        answer.add("flood: broadcasts", who, "/s", [one["per_s"] for one in each])
        answer.add(
            "memory more at the end", who, "MB", [one["grown"] / 1e6 for one in each], at_most(_GROWTH)
        )
    silent = replies[_MOST]
    most = [one["most_queued"] / (1 << 20) for one in silent]
    answer.add("waits for one that takes nothing", _MOST, "MiB", most, at_most(_BOUND))
    answer.add("closed meanwhile", _MOST, "connections", [one["gone"] for one in silent])


QUESTION = Question("sockets", "Do 900 clients notice that 100 others do not read?", _ask)
