"""The recorded cron cases against our rules: `python -m tests.conformance.cron FILE`.

Prints a line for each case that fails, then the totals. A case that must be refused is refused; `extension`
and `never` may be; times are those that every reference gave, or where they differ those of one of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workflows.errors import InvalidCron
from workflows.timers.cron import Cron

__all__ = ["Case", "difference", "main", "read"]

_PATIENCE = 1.0
Times = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One expression, and what may come of it."""

    id: str
    expression: str
    tz: str
    start: datetime
    refusal: bool | None
    """It must be (or not be) refused; None: it may be."""
    answers: tuple[Times, ...]
    """The lists of times that are right."""


def read(file: Path) -> list[Case]:
    """The cases of a recording."""
    return [
        Case(
            id=case["id"],
            expression=case["expr"],
            tz=case["tz"],
            start=datetime.fromisoformat(case["start"]),
            refusal={"invalid": True, "fire": False}.get(case["kind"]),
            answers=_answers(case),
        )
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
    ]


def difference(case: Case) -> str | None:
    """What is wrong with our answer; None when nothing is."""
    begun = time.monotonic()
    ours = _ours(case)
    took = time.monotonic() - begun
    if took > _PATIENCE:
        return f"took {took:.1f} seconds"
    if isinstance(ours, InvalidCron):
        return f"was refused: {ours}" if case.refusal is False else None
    if case.refusal:
        return f"was not refused, but gave {_joined(ours)}"
    if ours not in case.answers:
        return f"gave {_joined(ours)}, right is {' or '.join(map(_joined, case.answers)) or 'a refusal'}"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when any case failed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.cron")
    parser.add_argument("file", type=Path)
    counts = {"passed": 0, "failed": 0}
    for case in read(parser.parse_args(arguments).file):
        found = difference(case)
        counts["failed" if found else "passed"] += 1
        if found:
            print(f"FAIL {case.id} {case.expression!r} {case.tz}: {found}")  # noqa: T201
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")  # noqa: T201
    return 1 if counts["failed"] else 0


def _answers(case: dict[str, Any]) -> tuple[Times, ...]:
    match case:
        case {"kind": "never"}:
            return ((),)
        case {"alternatives": [*alternatives]}:
            return tuple(tuple(answer["next"]) for answer in alternatives)
        case {"expected_next": [*times]}:
            return (tuple(times),)
        case _:
            return ()


def _ours(case: Case) -> Times | InvalidCron:
    try:
        cron = Cron.parse(case.expression, case.tz)
    except InvalidCron as error:
        return error
    times: list[str] = []
    moment = case.start
    for _ in range(max(map(len, case.answers), default=1)):
        moment = cron.next_after(moment)
        times.append(moment.isoformat())
    return tuple(times)


def _joined(times: Times) -> str:
    return ", ".join(times) or "nothing"


if __name__ == "__main__":
    raise SystemExit(main())
