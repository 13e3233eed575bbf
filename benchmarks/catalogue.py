"""All questions, in the order in which they are asked."""

from __future__ import annotations

from benchmarks.questions import latency, throughput

__all__ = ["QUESTIONS"]

QUESTIONS = {one.QUESTION.name: one.QUESTION for one in (latency, throughput)}
