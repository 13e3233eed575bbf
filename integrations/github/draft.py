"""From a report to the one review that is posted: what stands at lines, and what in the body. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.code_review import Finding, ReviewReport
from integrations.code_review.finding import SHORT
from integrations.github.hunks import CommentableFile
from integrations.github.marker import ReviewMark
from integrations.github.wording import LONGEST, closing_words, finding_words, opening_words, remark_words

__all__ = ["Draft", "drafted"]

_RESERVE = 200
"""Characters for the words that some findings did not fit."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be posted about one head; `known` findings are told already, and still there."""

    report: ReviewReport
    run: str
    head: str
    at_lines: tuple[Finding, ...]
    in_body: tuple[Finding, ...]
    files: Mapping[str, CommentableFile]
    known: int

    def request(self) -> dict[str, Any]:
        """For GitHub. It comments; it never approves, and never asks for changes."""
        return {
            "commit_id": self.head,
            "event": "COMMENT",
            "body": _body(self),
            "comments": [self._comment(finding) for finding in self.at_lines],
        }

    def in_words(self) -> Draft:
        """The same without a comment at a line."""
        both = (*self.at_lines, *self.in_body)
        return Draft(self.report, self.run, self.head, (), both, self.files, self.known)

    def told(self) -> tuple[str, ...]:
        """The fingerprints of what it tells."""
        _, shown = _fitting(self)
        return tuple(one.fingerprint for one in (*self.at_lines, *shown))

    def _comment(self, finding: Finding) -> dict[str, Any]:
        file = self.files[finding.path]
        last = file.last_in_hunk(finding.line, finding.end_line) or finding.line
        comment: dict[str, Any] = {
            "path": file.name,
            "line": last,
            "side": "RIGHT",
            "body": remark_words(finding)[:LONGEST],
        }
        if last > finding.line:
            comment |= {"start_line": finding.line, "start_side": "RIGHT"}
        return comment


def drafted(
    report: ReviewReport, *, run: str, head: str, files: Mapping[str, CommentableFile], known: Collection[str]
) -> Draft:
    """Findings at lines of hunks become comments, others stand in the body; `known` are `Finding.short`."""
    new = [finding for finding in report.findings if finding.short not in known]
    at_lines = tuple(finding for finding in new if _has_line(finding, files))
    in_body = tuple(finding for finding in new if not _has_line(finding, files))
    found = known if report.found is None else {one[:SHORT] for one in report.found}
    return Draft(report, run, head, at_lines, in_body, files, len({*known} & {*found}))


def _has_line(finding: Finding, files: Mapping[str, CommentableFile]) -> bool:
    file = files.get(finding.path)
    if finding.scope != "line" or file is None:
        return False
    return file.last_in_hunk(finding.line, max(finding.line, finding.end_line)) is not None


def _body(draft: Draft) -> str:
    text, shown = _fitting(draft)
    return f"{text}\n\n{_mark(draft, shown)}"


def _mark(draft: Draft, shown: Sequence[Finding]) -> ReviewMark:
    return ReviewMark(draft.run, draft.head, tuple(finding.fingerprint for finding in shown))


def _fitting(draft: Draft) -> tuple[str, Sequence[Finding]]:
    """As much as GitHub takes, and the findings in it; the others are new again in the next review."""
    new = len(draft.at_lines) + len(draft.in_body)
    text = opening_words(draft.report, new, draft.known)
    shown: list[Finding] = []
    for finding in draft.in_body:
        longer = f"{text}\n\n{finding_words(finding)}"
        if len(longer) + len(str(_mark(draft, [*shown, finding]))) > LONGEST - _RESERVE:
            break
        text = longer
        shown.append(finding)
    if left := len(draft.in_body) - len(shown):
        text += f"\n\n{left} more did not fit here; they are told when others are settled."
    room = LONGEST - len(str(_mark(draft, shown))) - len("\n\n")
    for part in closing_words(draft.report):
        if len(text) + len(part) + len("\n\n") <= room:
            text += f"\n\n{part}"
    return text, shown
