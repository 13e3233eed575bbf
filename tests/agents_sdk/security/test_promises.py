"""The table of promises in docs/access.md names files that are there, and that have a test with the mark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_ROW = re.compile(r"^\| (SEC-(\d+))? \|[^|]*\|([^|]*)\|$", re.MULTILINE)


def rows() -> list[tuple[str, list[Path]]]:
    """The number of each promise, and the files of its tests."""
    page = (ROOT / "docs/access.md").read_text(encoding="utf-8")
    table = page.partition("## What is promised, and its test")[2]
    found = []
    for row in _ROW.finditer(table):
        named = re.findall(r"`([^`]+)`", row[3])
        files = [ROOT / one if one.startswith("tests/") else ROOT / "tests/agents_sdk" / one for one in named]
        found.append((row[2] or "", files))
    return found


def test_every_promise_is_listed() -> None:
    listed = [int(number) for number, _ in rows() if number]
    assert listed == [*range(1, 6), 7, 8, *range(10, 15), *range(20, 23), *range(31, 34)]


@pytest.mark.parametrize(("number", "files"), rows())
def test_it_has_its_tests(number: str, files: list[Path]) -> None:
    assert files
    texts = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    assert all(file.exists() for file in files)
    assert not number or any(f"test_sec_{number}_" in text for text in texts)
