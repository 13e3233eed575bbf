"""1,000 connections, a tenth of which takes nothing: whether the others notice, and what the server keeps."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.asked import Asked, Question
from benchmarks.child import Child, Reply, ask
from benchmarks.contest import judged
from benchmarks.figures import TIMES, Answer, at_most, ratios
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_ALL, _MOST = "all read", "a tenth does not"
_SEND_BUFFER = 16 << 10  # bytes in the system for each connection, so that it is soon full
_WS = "agents_sdk.sockets.uvicorn:Protocol"
_SMALL = 150  # bytes of the messages that come often
_BOUND = 64  # MiB that may wait for one connection
_GROWTH = 200.0  # MB

Series = dict[str, str | float]


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    connections = asked.many(1_000, 20)
    seconds = asked.size(5, 0.1)
    series: list[Series] = [
        {"name": "paced", "size": 1_000, "count": asked.size(100, 5), "gap": asked.size(0.1, 0.02)},
        {"name": "1,000/s", "size": _SMALL, "count": int(1_000 * seconds), "gap": 0.001},
        {"name": "250/s, large", "size": 1_000, "count": int(250 * seconds), "gap": 0.004},
    ]
    work = {"connections": connections, "series": series}

    def measure(who: str, silent: int) -> Reply:
        with asked.scratch() as folder:
            served = {"folder": folder, "send_buffer": _SEND_BUFFER, "ws": _WS}
            server = Child("benchmarks.programs.served", served)
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
    _tell(answer, [str(one["name"]) for one in series], replies)
    answer.remarks.append(
        f"{connections:,} connections; {series[0]['count']} broadcasts of 1,000 bytes, one each"
        f" {series[0]['gap']} s, then for {seconds} s 1,000 a second of {_SMALL} bytes, and 250 of 1,000. A"
        " delivery is timed from when its broadcast was due. The clients are one process on the same machine,"
        " which compares every byte, and takes its share of it."
    )
    return answer


def _tell(answer: Answer, names: Sequence[str], replies: dict[str, list[Reply]]) -> None:
    for series in names:
        told = {who: [one["series"][series] for one in each] for who, each in replies.items()}
        for share in ("p50", "p99"):
            rounds = {who: [one[f"{share}_ms"] for one in each] for who, each in told.items()}
            for who, values in rounds.items():
                answer.add(f"{series}: delivery {share}", who, "ms", values)
            goal = at_most(2) if share == "p99" else None
            ratio = ratios(rounds[_MOST], rounds[_ALL])
            answer.add(f"{series}: delivery {share}", f"{_MOST} / {_ALL}", TIMES, ratio, goal)
        for who, each in told.items():
            answer.add(f"{series}: came", who, "/s", [one["per_s"] for one in each])
            answer.add(f"{series}: server's CPU", who, "ns a delivery", [one["server_ns"] for one in each])
    for who, each in replies.items():
        answer.add(
            "memory more at the end", who, "MB", [one["grown"] / 1e6 for one in each], at_most(_GROWTH)
        )
    silent = replies[_MOST]
    most = [one["most_queued"] / (1 << 20) for one in silent]
    answer.add("waits for one that takes nothing", _MOST, "MiB", most, at_most(_BOUND))
    answer.add("closed meanwhile", _MOST, "connections", [one["gone"] for one in silent])


QUESTION = Question("sockets", "Do 900 clients notice that 100 others do not read?", _ask)
