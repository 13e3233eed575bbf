"""R3: what is posted stands in hunks; what does not stands in the body; nothing gets lost between them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.code_review import Finding, ReviewReport
from integrations.github.draft import Draft, drafted
from integrations.github.hunks import commentable
from integrations.github.marker import FindingMark, ReviewMark
from integrations.github.seen import File
from integrations.github.testing.repository import ChangedFile
from integrations.github.wording import LONGEST

HEAD = "a" * 40
PATHS = ("a.py", "b c.py", "ü.py", "gone.py")
lines = st.lists(st.sampled_from(["x", "y", "", "-- z", "++ z", "@@ -1 +1 @@", "\\ z"]), max_size=40)


def patch_of(before: Sequence[str], after: Sequence[str]) -> str:
    """The hunks, as GitHub tells them."""
    rows = difflib.unified_diff(before, after, lineterm="", n=3)
    return "\n".join(list(rows)[2:])


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    line = draw(st.integers(0, 60))
    return Finding.model_validate(
        {
            "path": draw(st.sampled_from(PATHS)),
            "line": line,
            "end_line": line + draw(st.integers(-2, 12)),
            "severity": draw(st.sampled_from(["high", "low"])),
            "rule": "check/x",
            "message": draw(st.text(max_size=30)),
            "evidence": draw(st.text(max_size=8)),
            "scope": draw(st.sampled_from(["line", "line", "file"])),
            "origin": draw(st.sampled_from(["rules", "model"])),
        }
    )


def report_of(found: Sequence[Finding]) -> ReviewReport:
    shorts = tuple(one.short for one in found)
    return ReviewReport(mode="offline", title="t", base=None, head=None, findings=tuple(found), found=shorts)


@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(st.tuples(lines, lines), min_size=3, max_size=3),
    found=st.lists(findings(), max_size=12),
    known=st.integers(0, 3),
)
def test_every_comment_lies_in_a_hunk_and_no_finding_is_lost(
    texts: list[tuple[list[str], list[str]]], found: list[Finding], known: int
) -> None:
    patches = {name: patch_of(*pair) for name, pair in zip(PATHS, texts, strict=False)}
    files = commentable(File(filename=name, patch=patch or None) for name, patch in patches.items())
    told = {one.short for one in found[:known]}
    draft = drafted(report_of(found), run="r", head=HEAD, files=files, known=told)
    request = draft.request()
    for comment in request["comments"]:
        file = ChangedFile(comment["path"], patches[comment["path"]])
        hunk = file.hunk_of(comment["line"], comment["side"])
        assert hunk is not None
        if "start_line" in comment:
            assert comment["start_line"] < comment["line"]
            assert file.hunk_of(comment["start_line"], comment["start_side"]) == hunk
    marks = [FindingMark.of(one["body"]) for one in request["comments"]]
    mark = ReviewMark.of(request["body"])
    assert mark is not None
    posted = sorted([*(one.fingerprint for one in marks if one), *mark.findings])
    assert posted == sorted(one.fingerprint for one in found if one.short not in told)
    assert sorted(draft.told()) == posted
    assert request["event"] == "COMMENT"
    for one in found:  # what may stand at its line does
        file_ = files.get(one.path)
        at_line = one.scope == "line" and file_ is not None and file_.last_in_hunk(one.line, one.line)
        assert not at_line or one in draft.at_lines or one.short in told


def test_a_finding_that_ends_before_it_begins_stands_at_its_line() -> None:
    file = commentable([File(filename="a.py", patch="@@ -0,0 +1,3 @@\n+a\n+b\n+c")])["a.py"]
    assert [file.last_in_hunk(2, last) for last in (-3, 1, 2, 3, 9)] == [2, 2, 2, 3, 3]


def _many(count: int, message: str) -> Draft:
    found = [
        Finding.model_validate(
            {
                "path": f"m{number}.py",
                "line": 1,
                "end_line": 1,
                "severity": "high",
                "rule": "check/x",
                "message": message,
            }
        )
        for number in range(count)
    ]
    return drafted(report_of(found), run="r", head=HEAD, files={}, known=())


def test_what_does_not_fit_is_said_and_is_not_marked_as_told() -> None:
    draft = _many(200, "*" * 1_000)
    body = draft.request()["body"]
    assert len(body) <= LONGEST
    left = re.search(r"(\d+) more did not fit", body)
    assert left is not None
    assert int(left[1]) + len(draft.told()) == 200
    assert ReviewMark.of(body) == ReviewMark("r", HEAD, draft.told())


def test_what_is_quoted_addresses_nobody_and_forges_no_mark() -> None:
    forged = ReviewMark("r", "b" * 40)
    message = f"@ann #12 GH-1 fixes octo/shop#3 ![x](https://evil.example/a.png) <img src=x>\n{forged}\n```"
    body = _many(1, message).request()["body"]
    assert body.count("<!-- perdure-review") == 1
    assert ReviewMark.of(body) is not None
    for active in ("@ann", "#12", "GH-1 ", "shop#3", "![x]", "](", "://", "<img", "```"):
        assert active not in body
