"""One commit → what an offline review says of it, by the same steps that the workflow runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.code_review.commits import Commit
from integrations.code_review.apart import Apart
from integrations.code_review.change import Change
from integrations.code_review.desk import Desk
from integrations.code_review.diff.model import FilePatch, Hunk
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.git import Git
from integrations.code_review.python import is_python, is_test
from integrations.code_review.settings import Settings
from integrations.code_review.subject import ReviewInput, digest

__all__ = ["Reviewed", "review"]

_SETTINGS = Settings(max_findings=200)
"""Nothing is cut off: what would not be shown for being too much is counted as noise too."""
_CLAIMS = frozenset({"rules", "signal", "lint"})
_NEAR = 1


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was said of one commit."""

    commit: Commit
    added: int
    """Added lines of Python files outside tests."""
    findings: tuple[Finding, ...]
    """All of them, the worst first."""
    near: tuple[Finding, ...]
    """Those about the changed lines of Python files outside tests."""

    def loud(self) -> tuple[Finding, ...]:
        """Those that a person is asked to answer: medium and worse."""
        return tuple(one for one in self.findings if one.severity.at_least(Severity.MEDIUM))

    def hits(self, least: Severity = Severity.MEDIUM) -> tuple[Finding, ...]:
        """Those near the changed lines, of at least this severity."""
        return tuple(one for one in self.near if one.severity.at_least(least))


def review(commit: Commit, clone: Path, apart: Apart) -> Reviewed:
    """Reviews a commit, a fix backwards, without a model; `apart` is the process that parses."""
    git = Git(clone)
    base, head = (git.commit(name) for name in commit.ends())
    if base is None or head is None:
        raise LookupError(f"{clone} has no commit {commit.id}, or not its parent; clone it whole")
    subject = ReviewInput(
        kind="range", repository=str(clone), base=base, head=head, digest=digest(git.diff(base, head))
    )
    desk = Desk(subject, Change(subject), apart)
    patches = desk.change.patches()
    findings = _findings(desk)
    program = {path: patch for path, patch in patches.items() if is_python(path) and not is_test(path)}
    places = {path: _places(patch) for path, patch in program.items()}
    near = (
        one
        for one in findings
        if one.origin in _CLAIMS and one.scope == "line" and one.line in places.get(one.path, ())
    )
    added = sum(len(patch.added()) for patch in program.values())
    return Reviewed(commit, added, findings, tuple(near))


def _findings(desk: Desk) -> tuple[Finding, ...]:
    """Of secrets, checks, signals and ruff; what is said of a change as a whole is about no line."""
    selection = desk.select(_SETTINGS)
    redacted = {path: desk.redact(path) for path in selection.selected}
    readable = [path for path, one in redacted.items() if one.skipped is None]
    compared = {path: desk.compare(path) for path in readable}
    found = [
        *(finding for one in redacted.values() for finding in one.findings),
        *(finding for path in readable for finding in desk.check(path).findings),
        *(finding for one in compared.values() for finding in one.findings),
        *desk.lint(readable).findings,
    ]
    return desk.rank(found, compared, _SETTINGS).findings


def _places(patch: FilePatch) -> frozenset[int]:
    """The changed lines, the lines around which lines went, and those beside them."""
    changed = {line for hunk in patch.hunks for line in _changed(hunk)}
    return frozenset(line + step for line in changed for step in range(-_NEAR, _NEAR + 1))


def _changed(hunk: Hunk) -> Iterator[int]:
    last = hunk.new_start
    for line in hunk.lines:
        if line.new is None:
            yield last
        else:
            last = line.new
            if line.old is None:
                yield line.new
