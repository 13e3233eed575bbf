"""Hidden marks in what is posted: by them a later run knows its own words again.

Only those in texts of the own account count. What is quoted in a text is escaped, so it cannot hold one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from integrations.code_review import Finding

__all__ = ["FindingMark", "ReviewMark", "is_gone", "marked_gone"]

_REVIEW = re.compile(
    r"^<!-- perdure-review run=(?P<run>[\w-]{1,200}) head=(?P<head>[0-9a-f]{40,64})"
    r" findings=(?P<findings>(?:[0-9a-f]{32}(?:,|(?= )))*) -->$",
    re.MULTILINE | re.ASCII,
)
_FINDING = re.compile(
    r"^<!-- perdure-finding (?P<fingerprint>[0-9a-f]{32}) (?P<origin>[a-z]+) -->$", re.MULTILINE | re.ASCII
)
_GONE = "<!-- perdure-gone -->"


@dataclass(frozen=True, slots=True)
class ReviewMark:
    """Which run has reviewed which head, and which findings are told in its body."""

    run: str
    head: str
    findings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"<!-- perdure-review run={self.run} head={self.head} findings={','.join(self.findings)} -->"

    @classmethod
    def of(cls, body: str | None) -> ReviewMark | None:
        """The mark in the body of a review."""
        found = _REVIEW.search((body or "").replace("\r\n", "\n"))
        if found is None:
            return None
        return cls(found["run"], found["head"], tuple(one for one in found["findings"].split(",") if one))


@dataclass(frozen=True, slots=True)
class FindingMark:
    """Which finding a comment tells, and whether rules or a model found it."""

    fingerprint: str
    origin: str

    def __str__(self) -> str:
        return f"<!-- perdure-finding {self.fingerprint} {self.origin} -->"

    @classmethod
    def for_finding(cls, finding: Finding) -> FindingMark:
        """The mark of a finding's comment."""
        return cls(finding.fingerprint, finding.origin)

    @classmethod
    def of(cls, body: str) -> FindingMark | None:
        """The mark in the text of a comment."""
        found = _FINDING.search(body.replace("\r\n", "\n"))
        return None if found is None else cls(found["fingerprint"], found["origin"])


def is_gone(body: str) -> bool:
    """Whether a comment says that its finding is gone."""
    return _GONE in body


def marked_gone(body: str) -> str:
    """The text with the mark that its finding is gone."""
    return f"{body}\n{_GONE}"
