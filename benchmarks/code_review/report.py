"""Tables of what was found, and of what was said for nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.code_review.measure import Reviewed
from integrations.code_review.finding import Severity

__all__ = ["interval_lines", "part_table", "rule_table"]

_GATE_LINES = 300
_DRAWS, _SEED = 2_000, 34
_COLUMNS = (
    "project",
    "fixes with a finding of medium or worse",
    "of low or worse",
    "lines added by ordinary commits",
    "findings of medium or worse there",
    "per 300 lines",
)


@dataclass(frozen=True, slots=True)
class _Figures:
    """The sums over some commits."""

    fixes: int
    hit: int
    hit_low: int
    added: int
    loud: int

    def row(self, name: str) -> str:
        rate = self.loud * _GATE_LINES / self.added if self.added else 0.0
        cells = (
            name,
            f"{self.hit} of {self.fixes} ({_share(self.hit, self.fixes)})",
            f"{self.hit_low} of {self.fixes} ({_share(self.hit_low, self.fixes)})",
            f"{self.added:,}",
            str(self.loud),
            f"{rate:.2f}",
        )
        return f"| {' | '.join(cells)} |"


def part_table(reviewed: Sequence[Reviewed]) -> str:
    """A row per project, and one for all of them."""
    projects = dict.fromkeys(one.commit.project for one in reviewed)
    rows = [_figures(one for one in reviewed if one.commit.project == name).row(name) for name in projects]
    return "\n".join(
        (
            f"| {' | '.join(_COLUMNS)} |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            _figures(reviewed).row("**all**"),
        )
    )


def interval_lines(reviewed: Sequence[Reviewed]) -> str:
    """How far both figures may be off by the luck of which commits were chosen."""
    by_kind = [[one for one in reviewed if one.commit.kind == kind] for kind in ("fix", "ordinary")]
    draw = random.Random(_SEED)
    drawn = [
        _figures(one for kind in by_kind for one in draw.choices(kind, k=len(kind))) for _ in range(_DRAWS)
    ]
    recall = _middle([one.hit / max(one.fixes, 1) for one in drawn])
    noise = _middle([one.loud * _GATE_LINES / max(one.added, 1) for one in drawn])
    return (
        f"95 % interval, drawn {_DRAWS:,} times from the commits: "
        f"{recall[0]:.0%} to {recall[1]:.0%} of the fixes, "
        f"{noise[0]:.2f} to {noise[1]:.2f} findings in {_GATE_LINES} lines."
    )


def rule_table(reviewed: Sequence[Reviewed]) -> str:
    """How many fixes each rule found, and how often it spoke in ordinary commits; medium and worse."""
    found = Counter(
        rule for one in reviewed if one.commit.kind == "fix" for rule in {hit.rule for hit in one.hits()}
    )
    noise = Counter(hit.rule for one in reviewed if one.commit.kind == "ordinary" for hit in one.loud())
    rules = sorted(found | noise, key=lambda rule: (-found[rule], rule))
    return "\n".join(
        (
            "| rule | fixes that it spoke of | findings in ordinary commits |",
            "| --- | --- | --- |",
            *(f"| `{rule}` | {found[rule]} | {noise[rule]} |" for rule in rules),
        )
    )


def _figures(reviewed: Iterable[Reviewed]) -> _Figures:
    everything = list(reviewed)
    fixes = [one for one in everything if one.commit.kind == "fix"]
    ordinary = [one for one in everything if one.commit.kind == "ordinary"]
    return _Figures(
        fixes=len(fixes),
        hit=_count(one.hits() for one in fixes),
        hit_low=_count(one.hits(Severity.LOW) for one in fixes),
        added=sum(one.added for one in ordinary),
        loud=sum(len(one.loud()) for one in ordinary),
    )


def _middle(values: list[float]) -> tuple[float, float]:
    """The bounds of the middle 95 %."""
    aside = len(values) // 40
    ordered = sorted(values)
    return ordered[aside], ordered[-aside - 1]


def _count(found: Iterator[tuple[object, ...]]) -> int:
    return sum(1 for one in found if one)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "none"
