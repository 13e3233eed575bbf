from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.code_review.anchor import anchored, found_line
from integrations.code_review.diff.files import by_path
from integrations.code_review.diff.model import FilePatch
from integrations.code_review.diff.parser import parse_diff
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.suppress import is_silenced
from tests.integrations.code_review.snippets import versions

_LINES = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), min_size=1, max_size=30)


def _finding(line: int, end_line: int | None = None, scope: str = "line", **more: object) -> Finding:
    fields = {"path": "m.py", "line": line, "end_line": end_line or line, "scope": scope, **more}
    return Finding.model_validate({"severity": "medium", "rule": "check/x", "message": "m"} | fields)


def _hunk_lines(patch: FilePatch) -> set[int]:
    return {line.new for hunk in patch.hunks for line in hunk.new_lines() if line.new}


@given(_LINES, _LINES, st.integers(-5, 60), st.integers(0, 60), st.sampled_from(["line", "file"]))
def test_every_line_lies_in_a_hunk(
    old: list[str], new: list[str], line: int, length: int, scope: str
) -> None:
    before, after = "\n".join(old) + "\n", "\n".join(new) + "\n"
    if before == after:
        return
    patch = versions(before, after).patch
    placed = anchored(_finding(line, line + length, scope), patch)
    lines = _hunk_lines(patch)
    if not lines:
        assert (placed.line, placed.scope) == (0, "file")
        return
    assert set(range(placed.line, placed.end_line + 1)) <= lines
    hunks = [hunk for hunk in patch.hunks if any(one.new == placed.line for one in hunk.new_lines())]
    assert any(one.new == placed.end_line for one in hunks[0].new_lines())
    if placed.scope == "line":
        assert abs(placed.line - line) <= 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [(12, (12, "line")), (9, (9, "line")), (6, (9, "line")), (5, (12, "file")), (40, (12, "file"))],
)
def test_near_lines_are_moved_and_far_ones_are_about_the_file(line: int, expected: tuple[int, str]) -> None:
    old = "".join(f"x{number} = {number}\n" for number in range(1, 31))
    placed = anchored(_finding(line), versions(old, old.replace("x12 = 12", "x12 = 0")).patch)
    assert (placed.line, placed.scope) == expected


def test_a_file_that_is_gone_has_no_line() -> None:
    patch = by_path(parse_diff(b"--- a/m.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x = 1\n"))["m.py"]
    assert anchored(_finding(1), patch).line == 0


@pytest.mark.parametrize(
    ("quote", "line", "expected"),
    [
        ("y = 1", 2, 2),
        ("y  =  1", 5, 4),
        ("  y = 1  \nz", 1, 2),
        ("y = 1", 99, 4),
        ("q = 1", 2, None),
        ("", 2, None),
        ("1", 2, None),
        ("= 1", 2, None),
        (" \n ", 2, None),
    ],
)
def test_quoted_code_is_looked_up(quote: str, line: int, expected: int | None) -> None:
    text = {1: "x = 1", 2: "    y = 1", 3: "z = 1", 4: "y =   1"}
    assert found_line(quote, line, text) == expected


@pytest.mark.parametrize(
    ("text", "silenced"),
    [
        ({5: "x = 1  # review: ignore[check/x]"}, True),
        ({5: "x = 1  # review: ignore[x, other]"}, True),
        ({5: "x = 1  # review: ignore"}, True),
        ({4: "# review: ignore[check/*]", 5: "x = 1"}, True),
        ({5: "x = 1  // review: ignore[x]"}, True),
        ({4: "y = 1  # review: ignore[x]", 5: "x = 1"}, False),
        ({5: "x = 1  # review: ignore[other]"}, False),
        ({5: "x = 'review: ignore'"}, False),
        ({5: "x = 1  # review: ignore[]"}, False),
    ],
)
def test_comments_that_silence(text: dict[int, str], silenced: bool) -> None:
    assert is_silenced(_finding(5), text, added=(), fail_on=Severity.MEDIUM) == silenced


@pytest.mark.parametrize("text", [{5: "x  # review: ignore"}, {4: "# review: ignore", 5: "x"}])
@pytest.mark.parametrize(
    ("fail_on", "added", "silenced"),
    [("medium", {4, 5}, False), ("medium", {6}, True), ("low", {4, 5}, False), ("high", {4, 5}, True)],
)
def test_a_change_does_not_silence_what_fails_it(
    text: dict[int, str], fail_on: str, added: set[int], silenced: bool
) -> None:
    assert is_silenced(_finding(5), text, added=added, fail_on=Severity(fail_on)) == silenced


def test_no_text_silences_what_is_critical() -> None:
    finding = _finding(5, severity=Severity.CRITICAL)
    assert not is_silenced(finding, {5: "key = 1  # review: ignore"}, added=(), fail_on=Severity.CRITICAL)
