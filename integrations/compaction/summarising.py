"""The summary of a plan: one request; or parts and their merger, where the model's window is too small."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from integrations.compaction.plan import Plan
from integrations.compaction.summary import Summary, SummaryRequest, merge_request, summary_request
from integrations.compaction.units import Unit, flat
from integrations.llm.errors import ContextOverflow

Ask: TypeAlias = Callable[[str, SummaryRequest], Awaitable[Summary]]
"""Asks for one summary; the name tells the requests of one plan, and all plans, apart."""

SMALLEST = 1_000  # tokens of a request; a window that does not take them is given up


async def summarised(plan: Plan, ask: Ask) -> Summary:
    """The summary, whose usage is that of all requests that gave one; raises what `ask` raises in the end.

    A request is at most half as large as the one that did not fit, until it is too small to be of use.
    """
    assert plan.request is not None, "it is asked for plans that need a summary"
    try:
        return await ask(plan.hash[:12], plan.request)
    except ContextOverflow:
        size = _size(plan, plan.request)
        if size // 2 < SMALLEST:
            raise
        previous = plan.subject.overlay.summary
        return await _in_parts(plan, ask, plan.shape.fresh, previous, size // 2, plan.hash[:12])


async def _in_parts(
    plan: Plan, ask: Ask, units: Sequence[Unit], previous: str, limit: int, name: str
) -> Summary:
    """Half of the units each; of a single unit, a shorter rendering."""
    assert plan.request is not None
    max_tokens = plan.request.max_tokens
    if len(units) == 1:
        return await _part(plan, ask, units, previous, limit, f"{name}.1")
    middle = len(units) // 2
    halves = [
        await _part(plan, ask, half, "", limit, f"{name}.{number}")
        for number, half in enumerate((units[:middle], units[middle:]), 1)
    ]
    texts = [half.text for half in halves]
    redact = plan.subject.settings.redact
    merged = await ask(
        f"{name} merged",
        merge_request(texts, previous=previous, max_tokens=max_tokens, redact=redact),
    )
    usage = sum((half.usage for half in halves), merged.usage)
    return merged.model_copy(update={"usage": usage})


async def _part(plan: Plan, ask: Ask, units: Sequence[Unit], previous: str, limit: int, name: str) -> Summary:
    assert plan.request is not None
    request = summary_request(
        flat(units),
        previous=previous,
        max_tokens=max(1, plan.request.max_tokens // 2),
        limit=limit,
        count=plan.subject.meter.count,
        redact=plan.subject.settings.redact,
    )
    try:
        return await ask(name, request)
    except ContextOverflow:
        size = _size(plan, request)
        if size // 2 < SMALLEST:
            raise
        return await _in_parts(plan, ask, units, previous, size // 2, name)


def _size(plan: Plan, request: SummaryRequest) -> int:
    count = plan.subject.meter.count
    return count(request.instructions) + count(request.material)
