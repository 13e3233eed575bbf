"""Texts made to break a reader."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.code_review.checks.run import check_file
from integrations.code_review.python import Broken, Parsed, TooComplex, syntax_of
from integrations.code_review.signals.compare import compare_file
from integrations.code_review.visible import visible
from tests.integrations.code_review.snippets import versions

DEEP = {
    "parentheses": "x = " + "(" * 190 + ")" * 190,
    "minus": "x = " + "-" * 50_000 + "1",
    "not": "x = " + "not " * 20_000 + "1",
    "sum": "x = 1" + "+1" * 50_000,
    "attributes": "x = a" + ".b" * 50_000,
    "calls": "x = a" + "()" * 20_000,
    "elif": "if a:\n pass\n" + "elif a:\n pass\n" * 5_000,
    "lambda": "x = " + "lambda:" * 5_000 + "1",
    "blocks": "".join(" " * depth + "if a:\n" for depth in range(99)) + " " * 99 + "pass",
    "unclosed": "x = " + "[(" * 90,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_a_reason_not_a_crash(name: str) -> None:
    changed = versions("x = 1\n", f"{DEEP[name]}\ny = 1\n")
    assert isinstance(syntax_of(DEEP[name]), Parsed | Broken | TooComplex)
    compared = compare_file(changed)
    check_file(changed)
    if isinstance(syntax_of(DEEP[name]), TooComplex):
        assert "nested too deeply" in compared.unseen


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["sum", "calls", "elif", "blocks"])
async def test_threads_have_less_stack(name: str) -> None:
    await asyncio.to_thread(compare_file, versions("x = 1\n", f"{DEEP[name]}\n"))


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_can_be_compared(old: str, new: str) -> None:
    if old and new and old != new:
        changed = versions(f"{old}\n", f"{new}\n")
        compare_file(changed)
        check_file(changed)


@pytest.mark.parametrize(
    "text", ["x = 1\udcff\n", "x = '\0'\n", "\ufeffx = 1\n", "x = 1\ry = 2\n", "x = '\\d'\n", "\f\n\v\n"]
)
def test_odd_characters_have_an_outcome(text: str) -> None:
    assert isinstance(syntax_of(text), Parsed | Broken | TooComplex)


def test_lines_are_counted_as_git_counts_them() -> None:
    outcome = syntax_of("x = 1  # a\rb\ny = (\n")
    assert isinstance(outcome, Broken)
    assert outcome.line == 2


@given(st.text())
def test_what_is_visible_can_be_printed_stored_and_shown_again(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert shown.encode().decode() == shown
    assert all(char in "\t\n" or not ("\0" <= char < " " or char == "\x7f") for char in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\udcff", "\\xff"),
        ("\U000e0041", "\\U000e0041"),
        ("o\U000e0161k\ufe0f", "o\\U000e0161k\\ufe0f"),
        ("a\u3164b", "a\\u3164b"),
        ("näive 日本 x", "näive 日本 x"),
    ],
)
def test_what_does_not_show_itself_is_spelled(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_of_the_reviewed_code_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    new = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nx = eval('1')\n"
    changed = versions("x = 1\n", new)
    check_file(changed)
    compare_file(changed)
    assert not mark.exists()
