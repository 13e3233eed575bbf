"""Pairs of texts, read from the files beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """A text before and after a change, under a title."""

    title: str
    old: str
    new: str

    def __str__(self) -> str:
        return self.title


def cases(name: str) -> list[Case]:
    """`### title`, the text before, `>>>`, the text after."""
    _, *blocks = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n### ")
    found = []
    for block in blocks:
        title, _, texts = block.partition("\n")
        old, _, new = texts.partition("\n>>>\n")
        found.append(Case(title, f"{old.rstrip()}\n", f"{new.rstrip()}\n"))
    return found
