"""All questions, in the order in which they are asked."""

from __future__ import annotations

from benchmarks.questions import (
    broadcast,
    history,
    latency,
    memory,
    recovery,
    schedules,
    sleepers,
    throughput,
)

__all__ = ["QUESTIONS"]

_ALL = (latency, throughput, history, recovery, sleepers, memory, schedules, broadcast)

QUESTIONS = {one.QUESTION.name: one.QUESTION for one in _ALL}
