"""The table of docs/security.md names the tests of each promise, and each test with the mark of a promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests"
_ROW = re.compile(r"^\| (SEC-(\d+))? \| (.*) \|([^|]*)\|$", re.MULTILINE)
_MARKED = re.compile(r"^ *(?:async )?def test_sec_(\d+)_", re.MULTILINE)


def rows() -> list[tuple[str, str, list[str]]]:
    """The number of each promise, what it says, and the files of its tests."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    return [
        (row[2] or "", row[3], re.findall(r"`([^`]+)`", row[4]))
        for row in _ROW.finditer(page)
        if not row[3].startswith("promise")
    ]


def marks(file: Path) -> set[str]:
    """The numbers of the promises that have a test in a file."""
    return set(_MARKED.findall(file.read_text(encoding="utf-8")))


def test_every_promise_is_listed_once_and_says_something() -> None:
    listed = [(int(number), promise) for number, promise, _ in rows() if number]
    assert [number for number, _ in listed] == [
        *range(1, 6),
        7,
        8,
        *range(10, 15),
        *range(20, 23),
        *range(31, 34),
    ]
    assert all(promise.endswith(".") for _, promise in listed)


@pytest.mark.parametrize(("number", "files"), [(number, files) for number, _, files in rows()])
def test_each_of_its_files_has_a_test_of_it(number: str, files: list[str]) -> None:
    assert files
    assert [one for one in files if not (TESTS / one).exists()] == []
    assert [one for one in files if number and number not in marks(TESTS / one)] == []


def test_each_test_of_a_promise_is_in_a_file_of_it() -> None:
    listed = {(number, one) for number, _, files in rows() for one in files}
    found = {
        (number, file.relative_to(TESTS).as_posix())
        for file in TESTS.rglob("test_*.py")
        for number in marks(file)
    }
    assert found - listed == set()
