"""The answers as a table for the screen, as JSON, and as a page of Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.asked import Question
from benchmarks.figures import Answer, Figure

__all__ = ["Answered", "Report"]

_HEAD = ("what", "who", "median", "lowest to highest", "goal")


@dataclass(frozen=True, slots=True)
class Answered:
    """One question with what came of it."""

    question: Question
    answer: Answer
    seconds: float

    def table(self) -> str:
        """For the screen."""
        rows = [_HEAD, *(_row(figure) for figure in self.answer.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        lines = [f"{self.question.name}: {self.question.text} ({self.seconds:.0f} s)"]
        lines += ["  " + "  ".join(_padded(row, widths)).rstrip() for row in rows]
        lines += [f"  skipped: {one.who}: {one.why}" for one in self.answer.skipped]
        lines += [f"  {remark}" for remark in self.answer.remarks]
        return "\n".join(lines) + "\n"

    def markdown(self) -> str:
        """A section of the page."""
        lines = [f"## {self.question.name}", "", self.question.text, ""]
        lines += [_cells(_HEAD), _cells(("---", "---", "---:", "---", "---"))]
        lines += [_cells(_row(figure)) for figure in self.answer.figures]
        notes = [f"Skipped: {one.who}: {' '.join(one.why.split())}" for one in self.answer.skipped]
        notes += self.answer.remarks
        if notes:
            lines += ["", *(f"- {note}" for note in notes)]
        return "\n".join(lines) + "\n"

    def document(self) -> dict[str, Any]:
        """For JSON: everything, each round too."""
        figures = [{**asdict(one), "value": one.value, "met": one.met} for one in self.answer.figures]
        return {
            "question": self.question.name,
            "text": self.question.text,
            "seconds": self.seconds,
            "figures": figures,
            "skipped": [asdict(one) for one in self.answer.skipped],
            "remarks": self.answer.remarks,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run."""

    command: str
    machine: Mapping[str, str]
    answered: Sequence[Answered]

    @property
    def versions(self) -> dict[str, str]:
        """Of everybody who took part."""
        return {name: one for each in self.answered for name, one in each.answer.versions.items()}

    def as_json(self) -> str:
        """Everything, for programs."""
        document = {
            "command": self.command,
            "machine": dict(self.machine),
            "versions": self.versions,
            "answers": [one.document() for one in self.answered],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def as_markdown(self) -> str:
        """A page for people."""
        told = {**self.machine, **self.versions}
        head = [
            "# Results",
            "",
            "Written by the command below; [README.md](README.md) says what each question means.",
            "",
            "```",
            self.command,
            "```",
            "",
            _cells(("on", "")),
            _cells(("---", "---")),
            *(_cells(pair) for pair in told.items()),
            "",
        ]
        return "\n".join(head) + "\n" + "\n".join(one.markdown() for one in self.answered)


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    low, high = min(figure.rounds), max(figure.rounds)
    spread = f"{_number(low)} to {_number(high)}" if len(figure.rounds) > 1 else ""
    return (figure.what, figure.who, f"{_number(figure.value)} {figure.unit}", spread, _goal(figure))


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"{figure.goal.sign} {_number(figure.goal.bound)}: {'met' if figure.met else 'missed'}"


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        text.rjust(width) if column == 2 else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]


def _cells(row: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"
