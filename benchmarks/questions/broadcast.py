"""One agent with many connections: how many broadcasts a second, and how long one is under way."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.child import Child, Reply, ask
from benchmarks.contest import OURS, judged
from benchmarks.figures import Answer
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]

_FRAMES, _MESSAGES = f"{OURS}, in frames", f"{OURS}, message by message"
_WAYS = {_FRAMES: "agents_sdk.sockets.uvicorn:Protocol", _MESSAGES: "websockets-sansio"}


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    connections = asked.many(1_000, 20)
    work = {
        "connections": connections,
        "paced": asked.size(20, 5),
        "gap": asked.size(0.25, 0.02),
        "size": 150,
        "rate": asked.size(15.625, 100),
        "most": asked.size(16_000, 200),
        "seconds": asked.size(3, 0.2),
    }

    def measure(who: str) -> Reply:
        with asked.scratch() as folder:
            server = Child("benchmarks.programs.served", {"folder": folder, "ws": _WAYS[who]})
            try:
                port = server.line()["port"]
                reply = ask("benchmarks.programs.audience", {**work, "port": port})
            finally:
                server.kill()
        return judged(who, reply)

    contenders = [
        Contender(_FRAMES, lambda: measure(_FRAMES)),
        Contender(_MESSAGES, lambda: measure(_MESSAGES)),
    ]
    replies = interleaved(contenders, asked.times(3), answer=answer, tell=asked.tell)
    for who, each in replies.items():
        held = [one["held"] for one in each]
        answer.add(f"broadcasts to {connections:,} that come in time", who, "/s", held)
        answer.add("messages delivered", who, "/s", [rate * connections for rate in held])
        answer.add("delivery p50", who, "ms", [one["p50_ms"] for one in each])
        answer.add("delivery p99", who, "ms", [one["p99_ms"] for one in each])
    answer.remarks.append(
        f"Deliveries are timed with a broadcast every {work['gap']} s. Then {work['rate']} a second are due,"
        f" of {work['size']} bytes for {work['seconds']} s, and twice as many each time, up to"
        f" {work['most']:,}; told is the last rate at which all came within half a second of the last one's"
        " time. The clients are one process on the same machine, which compares every byte, and takes its"
        " share of it."
    )
    return answer


QUESTION = Question("broadcast", "How fast does one agent reach 1,000 WebSocket connections?", _ask)
