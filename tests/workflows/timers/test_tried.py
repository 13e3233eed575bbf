"""The table of docs/schedules.md names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_ROW = re.compile(r"^\| (S\d+)? \|[^|]*\|[^|]*\|([^|]*)\|$", re.MULTILINE)
ROWS = _ROW.findall(
    (ROOT / "docs/schedules.md").read_text(encoding="utf-8").partition("## How it was tried")[2]
)


def test_each_is_listed_once() -> None:
    assert [mark for mark, _ in ROWS if mark] == [f"S{number}" for number in range(1, 11)]


@pytest.mark.parametrize("shown", [shown for _, shown in ROWS])
def test_what_shows_it_is_there(shown: str) -> None:
    named = re.findall(r"`([^`]+)::([^`]+)`", shown)
    assert named
    for file, name in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), name
