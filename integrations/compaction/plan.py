"""The pure part: whether to compact, how, and what to ask the summariser."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from integrations.compaction.carried import Carried
from integrations.compaction.message import Message
from integrations.compaction.meter import Meter
from integrations.compaction.outcome import CompactionIneffective, FellShort, Reason, Unchanged
from integrations.compaction.overlay import Overlay, fingerprints
from integrations.compaction.pins import pinned_units, verbatim
from integrations.compaction.settings import Room, Settings
from integrations.compaction.shape import Shape, shapes
from integrations.compaction.subject import Subject
from integrations.compaction.summary import SummaryRequest, summary_request
from integrations.compaction.units import Unit, flat, group
from integrations.llm.usage import Usage
from integrations.tokens import Counter, counter_for

SUMMARY_SHARE = 0.2  # of what it replaces
LEAST_SUMMARY = 300
LONGEST_SUMMARY = 8_000
ADVICE = "pin less, send less with every request, or use a larger window"
SLACK = 16  # texts joined may take a few tokens more than apart


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done. The same input gives the same plan and the same `hash`."""

    subject: Subject
    shape: Shape
    request: SummaryRequest | None
    """None when shortening tool results is enough."""
    hash: str


def plan(
    messages: Iterable[Message],
    *,
    settings: Settings | None = None,
    overlay: Overlay | None = None,
    overhead: int = 0,
    carried: Carried | None = None,
    pinned: Collection[str] = (),
    counter: Counter | None = None,
) -> Plan | Unchanged | FellShort:
    """Look at a whole history under the last overlay; asks no model, reads no clock.

    `overhead` are the tokens that every request takes beside the messages. Measured, it is what the provider
    reported for a request minus what `counter` gives for its messages: estimates are then anchored on it.
    `pinned` are ids of messages that stay verbatim. Raises `CompactionIneffective` when nothing helps, and
    `ValueError` for an overlay whose messages have changed since.
    """
    settings = settings or Settings()
    messages = tuple(messages)
    _check_pins(messages, pinned)
    units = group(messages)
    _check_overlay(units, overlay or Overlay())
    stay = verbatim(units, pinned=pinned, pin_task=settings.pin_task)
    subject = Subject(
        units=units,
        overlay=overlay or Overlay(),
        verbatim=stay,
        pinned=pinned_units(units, stay),
        carried=carried or Carried(),
        settings=settings,
        room=settings.room(overhead),
        meter=Meter(counter or settings.counter or counter_for()),
    )
    tokens = subject.tokens(subject.overlay)
    reason = _reason_to_wait(subject, tokens)
    if reason is not None:
        return Unchanged(subject.messages(subject.overlay), subject.overlay, tokens, reason)
    return _act(subject, tokens)


def _check_overlay(units: Sequence[Unit], overlay: Overlay) -> None:
    overlay.span(units)
    if not overlay.fits(units):
        raise ValueError(
            f"the messages from {overlay.from_id!r} to {overlay.to_id!r} have changed since the overlay was "
            "made: compact this history without it"
        )


def _check_pins(messages: Iterable[Message], pinned: Collection[str]) -> None:
    missing = set(pinned).difference(message.id for message in messages)
    if missing:
        raise ValueError(f"pinned messages are not in the history: {', '.join(sorted(missing))}")


def _reason_to_wait(subject: Subject, tokens: int) -> Reason | None:
    if tokens < subject.room.threshold:
        return Reason.BELOW_THRESHOLD
    if subject.units and subject.units[-1].open:
        return Reason.OPEN_CALL
    tried = subject.overlay.seen == _seen(subject)
    if tried and tokens <= subject.room.limit and subject.overlay.strikes < subject.settings.strikes:
        return Reason.NOTHING_NEW
    return None


def _act(subject: Subject, tokens: int) -> Plan | FellShort:
    room, least = subject.room, _least_summary(subject.room)
    shape, projected = _choose(subject, least)
    if projected > room.limit:
        raise CompactionIneffective(
            f"the conversation cannot be made to fit: what has to stay takes {projected:,} tokens, and the "
            f"window leaves {room.limit:,} to the messages; {ADVICE}",
            _fell_short(subject, tokens),
        )
    weak = projected > room.goal and projected > tokens * (1 - subject.settings.min_gain)
    strikes = subject.overlay.strikes + 1 if weak else 0
    if strikes >= subject.settings.strikes:
        raise CompactionIneffective(
            f"compaction would free less than {subject.settings.min_gain:.0%}, the {strikes}. time in a row: "
            f"nearly all of the {tokens:,} tokens have to stay; {ADVICE}",
            _fell_short(subject, tokens),
        )
    if weak and tokens <= room.limit:
        return _fell_short(subject, tokens)
    overlay = shape.overlay.model_copy(
        update={
            "covered": _covered(subject, shape.overlay),
            "seen": _seen(subject),
            "strikes": strikes,
            "tokens_before": tokens,
            "usage": Usage(),
        }
    )
    request = _request(subject, shape, tokens) if shape.fresh else None
    digest = _hash([overlay.model_dump(mode="json"), request.model_dump(mode="json") if request else None])
    overlay = overlay.model_copy(update={"plan_hash": digest})
    return Plan(subject, replace(shape, overlay=overlay), request, digest)


def _covered(subject: Subject, overlay: Overlay) -> tuple[str, ...]:
    hidden = overlay.hides(subject.units)
    return fingerprints(unit for unit in subject.units if unit.id in hidden)


def _choose(subject: Subject, least: int) -> tuple[Shape, int]:
    """The gentlest shape that reaches the goal, else the one that comes nearest; and what it will take."""
    sized = ((shape, shape.tokens + (least + SLACK if shape.fresh else 0)) for shape in shapes(subject))
    tried = []
    for shape, projected in sized:
        if projected <= subject.room.goal:
            return shape, projected
        tried.append((shape, projected))
    return min(tried, key=lambda one: one[1])


def _least_summary(room: Room) -> int:
    return max(1, min(LEAST_SUMMARY, room.goal // 4))


def _request(subject: Subject, shape: Shape, tokens: int) -> SummaryRequest:
    least = _least_summary(subject.room)
    wanted = min(LONGEST_SUMMARY, int(SUMMARY_SHARE * (tokens - shape.tokens)))
    return summary_request(
        flat(shape.fresh),
        previous=subject.overlay.summary,
        max_tokens=max(least, min(wanted, subject.room.goal - shape.tokens - SLACK)),
        limit=subject.settings.summary_input,
        count=subject.meter.count,
        redact=subject.settings.redact,
    )


def _fell_short(subject: Subject, tokens: int) -> FellShort:
    strikes = subject.overlay.strikes + 1
    overlay = subject.overlay.model_copy(update={"seen": _seen(subject), "strikes": strikes})
    return FellShort(subject.messages(overlay), overlay, tokens, subject.room.goal)


def _seen(subject: Subject) -> str:
    """What decides whether another try could give more."""
    ids = [message.id for message in flat(subject.units)]
    room = subject.room
    carried = subject.carried.model_dump(mode="json")
    return _hash([len(ids), ids[-1:], room.limit, room.threshold, room.goal, sorted(subject.pinned), carried])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
