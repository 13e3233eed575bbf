"""What today's code does otherwise than what was recorded, the first step first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from workflows.backend import Complete, Errored, Halted, Rollback
from workflows.entry import Key, Kind
from workflows.export import Recorded
from workflows.failure import stored_failure
from workflows.testing.rerun import Reached

__all__ = ["Difference", "compared", "goes_on_with"]

_ENDED = ("complete", "errored")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as recorded.

    `asked`: today's code asks for a step that is not recorded; `unasked`: a recorded one is not asked for any
    more; `unreadable`: a recorded value does not fit today's type; `outcome`: another end or output;
    `stuck`: the code does not come to its end.
    """

    kind: Literal["asked", "unasked", "unreadable", "outcome", "stuck"]
    step: str | None
    """`name-count` of the step where it shows; None when it is no step's."""
    message: str


def compared(record: Recorded, reached: Reached, patience: float) -> Iterator[Difference]:
    """All differences."""
    match reached.outcome:
        case None:
            yield from _not_ended(record, reached, patience)
        case Halted(reason):
            step = next((str(key) for key in reached.asked if f'step "{key}"' in reason), None)
            yield Difference("unreadable", step, reason)
        case Complete(output):
            yield from _asked(record, reached)
            yield from _unasked(record, reached)
            yield from _other_output(record, output)
        case Errored(error) | Rollback(error):
            yield from _asked(record, reached)
            yield from _other_error(record, reached, error)


def goes_on_with(reached: Reached) -> tuple[str, ...]:
    """What the instance would do next, when nothing differs."""
    return tuple(_named(key) for key in reached.open) if reached.outcome is None else ()


def _not_ended(record: Recorded, reached: Reached, patience: float) -> Iterator[Difference]:
    if not reached.open:
        after = f" after {_named(reached.asked[-1])}" if reached.asked else ""
        yield Difference(
            "stuck",
            str(reached.asked[-1]) if reached.asked else None,
            f"today's code does not come to its next step within {patience:g} s{after}: "
            "it waits for something between its steps",
        )
        return
    asked = list(_asked(record, reached))
    yield from asked
    if asked or any(key in record.redacted for key in reached.open):
        return
    if missed := _left_out(record, reached):
        yield _unasked_step(missed[0], f" before it waits for {_named(reached.open[0])}")
    elif record.status in _ENDED:
        waits = reached.open[0]
        yield Difference(
            "stuck", str(waits), f"today's code waits for {_named(waits)}, whose end is not recorded"
        )


def _asked(record: Recorded, reached: Reached) -> Iterator[Difference]:
    """Steps that are not recorded; beyond the end of an unfinished record that is as it should be."""
    known = {entry.key for entry in record.entries}
    left_out = _left_out(record, reached)
    if record.status not in _ENDED and not left_out:
        return
    for key in reached.open:
        if key not in known:
            instead = f"; the record goes on with {_named(left_out[0])}" if left_out else ""
            yield Difference(
                "asked", str(key), f"today's code asks for {_named(key)}, which is not recorded{instead}"
            )


def _unasked(record: Recorded, reached: Reached) -> Iterator[Difference]:
    for key in _left_out(record, reached, ended_only=False):
        yield _unasked_step(key)


def _unasked_step(key: Key, when: str = "") -> Difference:
    return Difference(
        "unasked", str(key), f"{_named(key)} is recorded, and today's code does not ask for it{when}"
    )


def _left_out(record: Recorded, reached: Reached, *, ended_only: bool = True) -> list[Key]:
    """Recorded steps that were not asked for, although the recorded run did."""
    asked = frozenset(reached.asked)
    return [
        entry.key
        for entry in record.entries
        if entry.key not in asked
        and entry.key.kind is not Kind.ROLLBACK
        and not entry.within
        and str(entry.key) not in record.unasked
        and (entry.ended or not ended_only)
    ]


def _other_output(record: Recorded, output: bytes) -> Iterator[Difference]:
    if record.status == "errored" and record.error is not None:
        was = stored_failure(record.error)
        yield _outcome(f"completes, and the record ends with {was.name}: {was.message}")
    elif record.output is not None and json.loads(record.output) != json.loads(output):
        yield _outcome(f"returns {_short(output)}, recorded {_short(record.output)}")


def _other_error(record: Recorded, reached: Reached, error: bytes) -> Iterator[Difference]:
    """An unfinished instance may be about to end with an error that one of its steps had."""
    now = stored_failure(error)
    if record.status == "errored":
        allowed = [stored_failure(record.error)] if record.error is not None else []
    elif record.status in _ENDED:
        allowed = []
    else:
        allowed = [stored_failure(entry.error) for entry in record.entries if entry.error is not None]
    if now in allowed:
        yield from _unasked(record, reached)
        return
    after = f" after {_named(reached.asked[-1])}" if reached.asked else ""
    recorded = f", recorded {record.status}" if record.status in _ENDED else ""
    step = str(reached.asked[-1]) if reached.asked else None
    trace: str = json.loads(error).get("traceback", "")
    yield Difference(
        "outcome",
        step,
        f"today's code ends with {now.name}: {now.message}{after}{recorded}\n{trace}".rstrip(),
    )


def _outcome(what: str) -> Difference:
    return Difference("outcome", None, f"today's code {what}")


def _named(key: Key) -> str:
    kind = "step" if key.kind is Kind.DO else key.kind.name.lower()
    return f'{kind} "{key}"'


def _short(stored: bytes) -> str:
    text = stored.decode()
    return text if len(text) <= 200 else text[:199] + "…"
