"""The ways in which a history can be made smaller, from the gentlest to the harshest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from integrations.compaction.ledger import Ledger, ledger
from integrations.compaction.masking import Masking, stubs
from integrations.compaction.overlay import Overlay, stubbed
from integrations.compaction.subject import Subject
from integrations.compaction.text import storable
from integrations.compaction.units import Unit, flat


@dataclass(frozen=True, slots=True)
class Shape:
    """One way: an overlay that is complete but for the summary of the `fresh` units."""

    overlay: Overlay
    fresh: tuple[Unit, ...]
    tokens: int
    """Without that summary."""


def shapes(subject: Subject) -> Iterator[Shape]:
    """Every way, computed one by one."""
    tail = min(subject.settings.tail, subject.room.goal // 2)
    old, large = stubs(subject, Masking.OLD), stubs(subject, Masking.LARGE)
    yield _masked(subject, old)
    yield _summarised(subject, old, tail)
    for divisor in (1, 2, 4):
        yield _summarised(subject, large, tail // divisor)
    yield _summarised(subject, large, 0)
    yield _summarised(subject, stubs(subject, Masking.ALL), 0)


def _masked(subject: Subject, shortened: Mapping[str, int]) -> Shape:
    overlay = subject.overlay.model_copy(update={"stubs": dict(shortened)})
    return Shape(overlay, (), subject.tokens(overlay))


def _summarised(subject: Subject, shortened: Mapping[str, int], tail: int) -> Shape:
    masked = subject.overlay.model_copy(update={"stubs": dict(shortened)})
    overlay = _cover(subject, masked, _tail_start(subject, masked, tail))
    hidden = overlay.hides(subject.units)
    summarised = subject.overlay.hides(subject.units).difference(subject.overlay.pending)
    fresh = tuple(unit for unit in subject.units if unit.id in hidden - summarised)
    if not fresh:
        return _masked(subject, shortened)
    touched = _ledger(subject, hidden)
    gone = {message.id for unit in subject.units if unit.id in hidden for message in unit.messages}
    overlay = overlay.model_copy(
        update={
            "stubs": {id_: keep for id_, keep in shortened.items() if id_ not in gone},
            "ledger": touched,
            "notes": _notes(subject, touched),
            "summary": "",
            "digest": "",
            "pending": (),
            "failure": "",
        }
    )
    return Shape(overlay, fresh, subject.tokens(overlay))


def _cover(subject: Subject, overlay: Overlay, end: int) -> Overlay:
    """The range from the head to `end`, or as far as it goes already."""
    units = subject.units
    before = overlay.span(units)
    head = next((place for place, unit in enumerate(units) if unit.id not in subject.pinned), len(units))
    start = min(head, before.start) if before else head
    end = max(end, before.stop)
    if start >= end:
        return overlay
    within = units[start:end]
    kept = tuple(unit.id for unit in within if unit.id in subject.pinned)
    return overlay.model_copy(update={"from_id": within[0].id, "to_id": within[-1].id, "kept": kept})


def _tail_start(subject: Subject, overlay: Overlay, tail: int) -> int:
    """The place of the first unit of the tail: at least the last unit, and as many more as fit."""
    start = len(subject.units)
    room = tail
    for place in reversed(range(len(subject.units))):
        room -= subject.meter.tokens(stubbed(subject.units[place], overlay.stubs))
        if room < 0 and start < len(subject.units):
            break
        start = place
    return start


def _ledger(subject: Subject, hidden: frozenset[str]) -> Ledger:
    covered = flat([unit for unit in subject.units if unit.id in hidden])
    settings = subject.settings
    return ledger(covered, settings.file_tools, settings.named_arguments, before=subject.overlay.ledger)


def _notes(subject: Subject, touched: Ledger) -> str:
    return storable("\n\n".join(filter(None, (subject.carried.describe(), touched.describe()))))
