"""From a plan and its summary to the overlay; and what stands in when there is no summary."""

from collections.abc import Iterable

from integrations.compaction.outcome import Compacted, FellShort
from integrations.compaction.overlay import Overlay
from integrations.compaction.pins import is_request
from integrations.compaction.plan import Plan
from integrations.compaction.summary import Summary
from integrations.compaction.text import cut_end, storable
from integrations.compaction.units import flat
from integrations.tokens import Counter

DIGEST_HEADING = "[What came next could not be summarised. What the user wrote of it:]"
LONGEST_QUOTE = 500  # characters of each message
SHARE_OF_QUOTES = 0.5  # of the room; the summary before has the rest


def commit(plan: Plan, summary: Summary | None = None, *, failure: str = "") -> Compacted | FellShort:
    """The outcome of a plan; without a usable summary a digest made by program, and `overlay.fallback`.

    `failure` says why there is no summary.
    """
    overlay = _completed(plan, summary, storable(failure) or "the summary is empty")
    messages = plan.subject.messages(overlay)
    tokens = plan.subject.meter.tokens(messages)
    overlay = overlay.model_copy(update={"tokens_after": tokens})
    if tokens <= plan.subject.room.goal:
        return Compacted(messages, overlay, tokens)
    return FellShort(messages, overlay, tokens, plan.subject.room.goal)


def _completed(plan: Plan, summary: Summary | None, failure: str) -> Overlay:
    overlay, request, count = plan.shape.overlay, plan.request, plan.subject.meter.count
    if request is None:
        return overlay
    if summary is None or not summary.text.strip():
        return overlay.model_copy(update=_fallback(plan, request.max_tokens, count) | {"failure": failure})
    text = cut_end(summary.text.strip(), request.max_tokens, count)
    return overlay.model_copy(update={"summary": text, "usage": summary.usage})


def _fallback(plan: Plan, room: int, count: Counter) -> dict[str, object]:
    requests = [message.text for message in flat(plan.shape.fresh) if is_request(message)]
    heading = cut_end(DIGEST_HEADING, room, count)
    quotes = _newest(requests, int(room * SHARE_OF_QUOTES) - count(heading), count)
    digest = "\n".join(filter(None, (heading, quotes)))
    return {
        "summary": cut_end(plan.subject.overlay.summary, room - count(digest), count),
        "digest": digest,
        "pending": tuple(unit.id for unit in plan.shape.fresh),
    }


def _newest(texts: Iterable[str], room: int, count: Counter) -> str:
    """As many of the newest texts as fit, in their order."""
    lines: list[str] = []
    for text in reversed(list(texts)):
        line = f"- {storable(text[:LONGEST_QUOTE])}"
        room -= count(line) + 1
        if room < 0:
            break
        lines.insert(0, line)
    return "\n".join(lines)
