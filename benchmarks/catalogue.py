"""All questions, in the order in which they are asked."""

from __future__ import annotations

from benchmarks.questions import (
    broadcast,
    history,
    latency,
    memory,
    recovery,
    schedules_million,
    schedules_rate,
    sleepers,
    sockets,
    throughput,
)

__all__ = ["QUESTIONS"]

_ALL = (
    latency,
    throughput,
    history,
    recovery,
    sleepers,
    memory,
    schedules_million,
    schedules_rate,
    broadcast,
    sockets,
)

QUESTIONS = {one.QUESTION.name: one.QUESTION for one in _ALL}
