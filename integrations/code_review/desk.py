"""The steps of a review that need no model: each method is the callback of one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integrations.code_review.anchor import anchored
from integrations.code_review.apart import Apart, NotAnalysed
from integrations.code_review.change import Change, Versions
from integrations.code_review.change_map.callers import Called, find_callers
from integrations.code_review.change_map.model import ChangeMap, FileChange, SignatureChange
from integrations.code_review.change_map.risk import risk_of
from integrations.code_review.checks.run import check_file
from integrations.code_review.checks.wide import change_findings
from integrations.code_review.credentials import secret_findings
from integrations.code_review.errors import ReviewError
from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.lint import Linted, lint_files, ruff_program
from integrations.code_review.outcomes import Checked, Outlined, Redacted, Selection
from integrations.code_review.python import is_python, is_test
from integrations.code_review.rank import Ranked, ranked
from integrations.code_review.selection import reason_to_skip
from integrations.code_review.settings import Settings, load_settings
from integrations.code_review.signals.compare import Comparison, compare_file
from integrations.code_review.subject import ReviewInput
from integrations.code_review.suppress import is_silenced

__all__ = ["Desk"]

_MOST_FILES = 3_000
_MOST_PER_FILE = 100
_LISTED_SKIPS = 2_000


@dataclass(frozen=True, slots=True)
class Desk:
    """Works on one change; its texts are parsed apart."""

    subject: ReviewInput
    change: Change
    apart: Apart

    def read_settings(self) -> Settings:
        """The settings of the commit before the change."""
        return load_settings(self.change.git, self.subject.base)

    def select(self, settings: Settings) -> Selection:
        """Reads the diff, and decides about each file."""
        patches = self.change.patches()
        if len(patches) > _MOST_FILES:
            raise ReviewError(
                f"the change has {len(patches):,} files; review at most {_MOST_FILES:,} at once"
            )
        selected: list[str] = []
        skipped: list[Skipped] = []
        for path, patch in patches.items():
            reason = reason_to_skip(patch, settings)
            if reason is None and len(selected) < settings.max_files:
                selected.append(path)
            else:
                over = f"over max_files ({settings.max_files})"
                wanted = reason is None or reason.startswith("too large")
                skipped.append(Skipped(path=path, reason=reason or over, wanted=wanted))
        return Selection(
            files=tuple(self._file(path) for path in patches),
            selected=tuple(selected),
            skipped=tuple((skipped + self._untracked())[:_LISTED_SKIPS]),
        )

    def redact(self, path: str) -> Redacted:
        """The credentials on added lines; nothing of the file is stored before this."""
        versions = self.change.unmasked(path)
        if isinstance(versions, Skipped):
            return Redacted(skipped=versions)
        added = versions.patch.added()
        found = [
            finding
            for pair in versions.pairs
            if pair.new is not None
            for finding in secret_findings(path, pair.new.text, first_line=pair.new.first, added=added)
        ]
        return Redacted(findings=_most(found))

    def check(self, path: str) -> Checked:
        """What added lines give rise to."""
        versions = self.change.versions(path)
        if not isinstance(versions, Versions):
            return Checked()
        try:
            return Checked(findings=_most(self.apart.ask(check_file, versions)))
        except NotAnalysed as error:
            return Checked(unread=Skipped(path=path, reason=f"not checked: {error}", wanted=True))

    def compare(self, path: str) -> Comparison:
        """How behaviour differs."""
        versions = self.change.versions(path)
        if not isinstance(versions, Versions):
            return Comparison()
        try:
            found = self.apart.ask(compare_file, versions)
        except NotAnalysed as error:
            return Comparison(unseen=f"its behaviour was not compared: {error}", lost=True)
        return found.model_copy(update={"findings": _most(found.findings)})

    def lint(self, paths: Sequence[str]) -> Linted:
        """What ruff says about whole Python files."""
        texts, added = {}, {}
        for path in filter(is_python, paths):
            versions = self.change.versions(path)
            if isinstance(versions, Versions) and versions.whole and (new := versions.pairs[0].new):
                texts[path] = new.text
                added[path] = frozenset(versions.patch.added())
        found = lint_files(texts, added, program=ruff_program())
        return found.model_copy(update={"findings": _most(found.findings)})

    def outline(self, files: Sequence[FileChange], compared: Mapping[str, Comparison]) -> Outlined:
        """The map, and the findings about the change as a whole."""
        signatures = [one for found in compared.values() for one in found.signatures]
        functions = {path: found.functions for path, found in compared.items()}
        touched = tuple(file.model_copy(update={"functions": functions.get(file.path, ())}) for file in files)
        risk, reasons = risk_of(touched, signatures)
        called = self._called(signatures)
        change_map = ChangeMap(
            files=touched,
            signatures=tuple(signatures),
            callers=called.callers,
            risk=risk,
            reasons=reasons,
        )
        found = change_findings(self.change.patches(), change_map, has_tests=self._has_tests())
        return Outlined(change_map=change_map, findings=_most(found), unread=called.unread)

    def rank(
        self, findings: Sequence[Finding], compared: Mapping[str, Comparison], settings: Settings
    ) -> Ranked:
        """Puts findings where they may stand, takes out what is silenced, merges, sorts and cuts."""
        patches = self.change.patches()
        loud: list[Finding] = []
        silenced: list[Finding] = []
        for finding in (anchored(one, patches[one.path]) for one in findings):
            added = frozenset(patches[finding.path].added())
            silent = is_silenced(finding, self._text(finding.path), added=added, fail_on=settings.fail_on)
            (silenced if silent else loud).append(finding)
        gained = {path: frozenset(found.gained) for path, found in compared.items()}
        return ranked(loud, silenced, settings, gained=gained, settled=self.subject.settled)

    def _file(self, path: str) -> FileChange:
        patch = self.change.patches()[path]
        added, removed = len(patch.added()), len(patch.removed())
        return FileChange(path=path, status=patch.status, added=added, removed=removed)

    def _untracked(self) -> list[Skipped]:
        if self.subject.kind != "worktree" or self.change.git is None:
            return []
        reason = "not tracked by git: `git add` it to have it reviewed"
        return [Skipped(path=path, reason=reason) for path in self.change.git.untracked()]

    def _called(self, signatures: Sequence[SignatureChange]) -> Called:
        git = self.change.git
        if git is None or not signatures:
            return Called()
        if self.subject.kind == "patch":
            base, changed = self.subject.base, self.change.patches()
            return find_callers(git, base, signatures, apart=self.apart, leave_out=changed)
        return find_callers(git, self.subject.head, signatures, apart=self.apart)

    def _has_tests(self) -> bool:
        git, tree = self.change.git, self.subject.head or self.subject.base
        return git is not None and tree is not None and any(is_test(path) for path in git.files(tree))

    def _text(self, path: str) -> Mapping[int, str]:
        versions = self.change.versions(path)
        return versions.new_lines() if isinstance(versions, Versions) else {}


def _most(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst ones: a file with thousands of remarks needs no more than the first hundred."""
    return tuple(sorted(findings, key=lambda one: (one.severity.rank, one.line))[:_MOST_PER_FILE])
