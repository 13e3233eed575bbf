"""What a review says: findings, and the files it did not read."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator

from integrations.code_review.visible import clipped, visible
from integrations.value import Value

__all__ = ["SHORT", "Finding", "Severity", "Skipped", "Visible", "VisibleName"]

SHORT = 12
"""Characters of a fingerprint by which people name a finding."""
_LONGEST_EVIDENCE = 400
_LONGEST_MESSAGE = 1_000


def _name(text: str) -> str:
    return visible(text, kept=frozenset())


Visible = Annotated[str, AfterValidator(visible)]
VisibleName = Annotated[str, AfterValidator(_name)]


class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "critical"
    """Stop: a live credential, or a change that cannot run and would be deployed."""
    HIGH = "high"
    """Certain to break or to be unsafe when this code is reached."""
    MEDIUM = "medium"
    """Likely wrong, or a behaviour that was lost; a person should answer before merging."""
    LOW = "low"
    """Worth a question."""
    NOTE = "note"
    """Good to know; nothing is claimed to be wrong."""

    @property
    def rank(self) -> int:
        """0 for critical, 4 for note."""
        return list(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        """Whether this is as bad as `other`, or worse."""
        return self.rank <= other.rank

    def at_most(self, other: Severity) -> Severity:
        """This, but never worse than `other`."""
        return self if self.rank >= other.rank else other


class Finding(Value):
    """One remark about one place in the new text.

    `line` and `end_line` count from 1 and lie in a hunk; with `scope="file"` the remark is about the whole
    file and `line` is its first changed line, or 0 when the change leaves no line of it.
    """

    path: VisibleName
    line: int
    end_line: int
    severity: Severity
    rule: str
    message: Visible
    evidence: Visible = ""
    symbol: VisibleName = ""
    scope: Literal["line", "file"] = "line"
    origin: Literal["rules", "signal", "lint", "model"] = "rules"
    preexisting: bool = False
    subject: VisibleName = ""
    """What the remark is about, e.g. the call that went; other files are searched for it."""

    def model_post_init(self, _context: object, /) -> None:
        """Cuts what is too long to read."""
        object.__setattr__(self, "evidence", clipped(self.evidence, _LONGEST_EVIDENCE))
        object.__setattr__(self, "message", clipped(self.message, _LONGEST_MESSAGE))

    @property
    def fingerprint(self) -> str:
        """Stays the same when only lines above it change: no number is a part of it."""
        code = " ".join(self.evidence.split())
        identity = f"{self.rule}\0{self.path}\0{self.symbol}\0{code}\0{self.subject}"
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    @property
    def short(self) -> str:
        """The beginning of the fingerprint, which people see and name."""
        return self.fingerprint[:SHORT]


class Skipped(Value):
    """A changed file that was not reviewed, and why."""

    path: VisibleName
    reason: Visible
    wanted: bool = False
    """It should have been reviewed, so the review is incomplete."""
