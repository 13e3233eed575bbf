"""All questions, in the order in which they are asked."""

from __future__ import annotations

from benchmarks.questions import history, latency, memory, recovery, sleepers, throughput

__all__ = ["QUESTIONS"]

QUESTIONS = {
    one.QUESTION.name: one.QUESTION for one in (latency, throughput, history, recovery, sleepers, memory)
}
