"""The commits that are measured: of ten projects up to thirty fixes and thirty ordinary ones, twice."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["PARTS", "PROJECTS", "Commit", "Kind", "Part", "clone_of", "commits", "store"]

Kind = Literal["fix", "ordinary"]
Part = Literal["tuned", "held-out"]

PROJECTS = (
    "celery/celery",
    "django/django",
    "pallets/flask",
    "psf/requests",
    "pypa/pip",
    "pytest-dev/pytest",
    "python-poetry/poetry",
    "scrapy/scrapy",
    "sqlalchemy/sqlalchemy",
    "tornadoweb/tornado",
)
PARTS: tuple[Part, ...] = ("tuned", "held-out")
"""Severities were decided with the first, which anybody may look at; the second is for measuring alone."""

_FILE = Path(__file__).parent / "commits.csv"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; a fix is reviewed backwards, from itself to its parent."""

    part: Part
    project: str
    kind: Kind
    id: str

    def ends(self) -> tuple[str, str]:
        """The commits before and after the change that is reviewed."""
        parent = f"{self.id}^"
        return (self.id, parent) if self.kind == "fix" else (parent, self.id)


def commits() -> list[Commit]:
    """Those of `commits.csv`."""
    with _FILE.open(newline="", encoding="utf-8") as lines:
        return [
            Commit(_part(row["part"]), row["project"], _kind(row["kind"]), row["commit"])
            for row in csv.DictReader(lines)
        ]


def store(chosen: Iterable[Commit]) -> None:
    """Writes `commits.csv` anew."""
    with _FILE.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("part", "project", "kind", "commit"))
        rows.writerows((one.part, one.project, one.kind, one.id) for one in chosen)


def clone_of(project: str, folder: Path) -> Path | None:
    """The clone of a project: `OWNER/NAME`, `NAME` or `NAME.git` in `folder`; None when there is none."""
    return next((place for place in _places(project, folder) if place.is_dir()), None)


def _places(project: str, folder: Path) -> Iterator[Path]:
    name = project.partition("/")[2]
    yield from (folder / project, folder / name, folder / f"{name}.git")


def _part(text: str) -> Part:
    if text == "tuned":
        return "tuned"
    if text == "held-out":
        return "held-out"
    raise ValueError(f"{_FILE.name} has the part {text!r}; known are tuned and held-out")


def _kind(text: str) -> Kind:
    if text == "fix":
        return "fix"
    if text == "ordinary":
        return "ordinary"
    raise ValueError(f"{_FILE.name} has the kind {text!r}; known are fix and ordinary")
