"""Which commits are measured: a rule that knows nothing of what a review would say about them.

Candidates are the commits of HEAD from 2016 on that are no merges and change the syntax tree of a Python file
of the program itself. A fix says so in its subject and is small: at most 3 such files and 30 lines. An
ordinary commit has no such word anywhere and adds 1 to 400 lines. Of each kind thirty are taken at even
distances in time, of those that are not in the other part, nor the same change once more by their subject.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.code_review.commits import Commit, Kind, Part
from integrations.code_review.git import Git
from integrations.code_review.python import is_python, is_test

__all__ = ["chosen"]

_EACH = 30
_SINCE = "2016-01-01T00:00:00Z"
_MOST_FILES, _MOST_LINES, _MOST_ADDED = 3, 30, 400
_TICKET = re.compile(
    r"(?:^\[[\w.]+\]\s*)?\b(?:fix(?:e[sd])?|refs?|closes?)\s+(?:issue\s+)?#\d+(?:,\s*#\d+)*(?:\s*(?:--|:|-))?\s*",
    re.IGNORECASE,
)
"""Says which ticket is closed, which may be a feature as well."""
_FIX = re.compile(
    r"\b(?:fix(?:e[sd]|ing)?|bug(?:s|fix(?:es)?)?|regressions?|crash(?:e[sd])?)\b", re.IGNORECASE
)
_FAULT = re.compile(r"fix|bug|regress|crash|broke|wrong|incorrect|fail|error|issue", re.IGNORECASE)
_ASIDE = re.compile(
    r"\b(?:docs?|docstrings?|documentation|typos?|spelling|change\s?log|news|readme|tests?|testing|ci|lint\w*|flake8|pep-?8"
    r"|mypy|typing|type|types|annotations?|warnings?|deprecat\w+|format(?:ting)?|style|coverage|tox|travis|links?"
    r"|comments?|messages?|wording|grammar|nits?|authors|isort|black|ruff|pre-commit|release|version|revert|merge|benchmarks?"
    r"|pypy|py3\d*|python ?3\S*)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"(?:^|/)(?:docs?|examples?|scripts?|tools|extras?|benchmarks?|_?vendor\w*|packages|vendored|t|sep|news|artwork|demos?"
    r"|maint|requirements|extra)/|(?:^|/)(?:setup|conf|noxfile|tasks|fabfile|versioneer|__version__)\.py$"
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    id: str
    subject: str
    message: str
    files: dict[str, tuple[int, int]]
    """Python files of the program itself, with their added and removed lines."""

    @property
    def added(self) -> int:
        return sum(added for added, _ in self.files.values())

    @property
    def changed(self) -> int:
        return sum(added + removed for added, removed in self.files.values())

    def is_fix(self) -> bool:
        small = len(self.files) <= _MOST_FILES and 1 <= self.changed <= _MOST_LINES
        return small and _FIX.search(self.subject) is not None and _ASIDE.search(self.subject) is None

    def is_ordinary(self) -> bool:
        return 1 <= self.added <= _MOST_ADDED and _FAULT.search(_TICKET.sub("", self.message)) is None


def chosen(project: str, clone: Path, part: Part, seen: Iterable[str] = ()) -> Iterator[Commit]:
    """The commits of a project for a part; those of `seen`, and what has their subject, are left out."""
    git = Git(clone)
    left = list(_unseen(_candidates(git), frozenset(seen)))
    for kind, wanted in (
        ("fix", [one for one in left if one.is_fix()]),
        ("ordinary", [one for one in left if one.is_ordinary()]),
    ):
        yield from (Commit(part, project, _kind(kind), one.id) for one in _spread(git, wanted))


def _unseen(candidates: Iterable[_Candidate], seen: frozenset[str]) -> Iterator[_Candidate]:
    """A change that was brought to another branch has the subject that it had before."""
    everything = list(candidates)
    told = {one.subject.strip().lower() for one in everything if one.id in seen}
    for one in everything:
        if one.subject.strip().lower() not in told:
            yield one


def _kind(text: str) -> Kind:
    return "fix" if text == "fix" else "ordinary"


def _spread(git: Git, wanted: list[_Candidate]) -> list[_Candidate]:
    """Thirty at even distances; one that does not count is replaced by the next that does."""
    taken: dict[int, _Candidate] = {}
    for turn in range(_EACH):
        start = (2 * turn + 1) * len(wanted) // (2 * _EACH)
        order = (*range(start, len(wanted)), *range(start - 1, -1, -1))
        index = next((i for i in order if i not in taken and _counts(git, wanted[i])), None)
        if index is not None:
            taken[index] = wanted[index]
    return [taken[index] for index in sorted(taken)]


def _counts(git: Git, one: _Candidate) -> bool:
    """Whether both texts of every file parse, and one differs in more than its docstrings."""
    differs = False
    for path in one.files:
        old, new = (_tree(git.blob(f"{commit}:{path}")) for commit in (f"{one.id}^", one.id))
        if old is None or new is None:
            return False
        differs = differs or old != new
    return differs


def _tree(content: bytes | None) -> str | None:
    if content is None:
        return ""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [item for item in body if not _is_text(item)]
    return ast.dump(tree)


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _candidates(git: Git) -> Iterator[_Candidate]:
    """The oldest first."""
    shown = git.run(
        "log", "--reverse", "--topo-order", "--no-merges", f"--since={_SINCE}", "--numstat", "--no-renames",
        "--format=%x01%H%x02%s%x02%B%x02", "HEAD",
    )  # fmt: skip
    for entry in shown.decode("utf-8", "replace").split("\x01")[1:]:
        identity, subject, message, numbers = entry.split("\x02")
        files = dict(_counted(numbers))
        if files:
            yield _Candidate(identity, _TICKET.sub("", subject), message, files)


def _counted(numbers: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for line in numbers.strip().splitlines():
        added, removed, path = line.split("\t")
        if is_python(path) and not is_test(path) and not _BESIDE.search(path) and added.isdigit():
            yield path, (int(added), int(removed))
