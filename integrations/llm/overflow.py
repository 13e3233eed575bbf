"""Messages that do not fit into the model's window: made shorter once, and asked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from integrations.llm.completion import Completion
from integrations.llm.errors import ContextOverflow
from integrations.llm.request import Message, Parsed, Request
from workflows import WorkflowStep

__all__ = ["Shorten", "fitting"]

Shorten: TypeAlias = Callable[[WorkflowStep, tuple[Message, ...]], Awaitable[Sequence[Message]]]
"""Gives fewer or shorter messages; its steps have names of their own, e.g. one with a summary."""


async def fitting(
    step: WorkflowStep,
    name: str,
    request: Request[Parsed],
    *,
    ask: Callable[[WorkflowStep, str, Request[Parsed]], Awaitable[Completion[Parsed]]],
    shorten: Shorten | None,
) -> Completion[Parsed]:
    """What `ask` gives, or gives for the shorter messages; a second `ContextOverflow` is raised."""
    try:
        return await ask(step, name, request)
    except ContextOverflow:
        if shorten is None:
            raise
        shorter = tuple(await shorten(step.scope(name), request.messages))
        if not shorter or shorter == request.messages:
            raise
    return await ask(step, f"{name}, shortened", replace(request, messages=shorter))
