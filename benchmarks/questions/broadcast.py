"""One agent with many connections: how many broadcasts a second, and how long one is under way."""

from __future__ import annotations

from benchmarks.asked import Asked, Question
from benchmarks.child import Child, Reply, ask
from benchmarks.contest import OURS, judged
from benchmarks.figures import Answer
from benchmarks.rounds import Contender, interleaved

__all__ = ["QUESTION"]


def _ask(asked: Asked) -> Answer:
    answer = Answer()
    connections = asked.many(1_000, 20)
    work = {
        "connections": connections,
        "paced": asked.size(20, 5),
        "gap": asked.size(0.25, 0.02),
        "burst": asked.size(50, 5),
    }

    def measure() -> Reply:
        with asked.scratch() as folder:
            server = Child("benchmarks.programs.served", {"folder": folder})
            try:
                port = server.line()["port"]
                reply = ask("benchmarks.programs.audience", {**work, "port": port})
            finally:
                server.kill()
        return judged(OURS, reply)

    replies = interleaved([Contender(OURS, measure)], asked.times(3), answer=answer, tell=asked.tell)[OURS]
    rates = [one["per_s"] for one in replies]
    answer.add(f"broadcasts to {connections:,}", OURS, "/s", rates)
    answer.add("messages delivered", OURS, "/s", [rate * connections for rate in rates])
    answer.add("delivery p50", OURS, "ms", [one["p50_ms"] for one in replies])
    answer.add("delivery p99", OURS, "ms", [one["p99_ms"] for one in replies])
    answer.remarks.append(
        f"Deliveries are timed with a broadcast every {work['gap']} s, the rate with {work['burst']} in a "
        "row. The clients are one process on the same machine, and take their share of it."
    )
    return answer


QUESTION = Question("broadcast", "How fast does one agent reach 1,000 WebSocket connections?", _ask)
