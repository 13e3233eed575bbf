"""Which change is meant: the uncommitted one, else the branch; or what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from integrations.code_review.diff.files import by_path
from integrations.code_review.diff.parser import parse_diff
from integrations.code_review.errors import GitFailed, NotARepository, NothingToReview, ReviewError
from integrations.code_review.git import Git
from integrations.code_review.reading import read_change
from integrations.code_review.subject import ReviewInput, digest
from integrations.code_review.visible import visible

__all__ = ["choose_change"]

_DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def choose_change(
    folder: Path,
    *,
    base: str | None = None,
    staged: bool = False,
    revisions: str | None = None,
    patch: Path | None = None,
    model: str | None = None,
) -> ReviewInput:
    """The change to review, frozen; at most one of `base`, `staged`, `revisions` and `patch` is given.

    Without any: what is not committed, else the branch against its merge base with its upstream or the
    default branch. `base` reviews the commits of HEAD since its merge base with that reference, `revisions`
    is `A..B` (from A to B) or `A...B` (from their merge base). Reads git and files: call it in a thread.
    Raises a `ReviewError`: nothing to review, no repository, a diff that does not parse.
    """
    asked = [name for name, given in _asked(base, staged, revisions, patch) if given]
    if len(asked) > 1:
        raise ReviewError(f"{' and '.join(asked)} exclude each other; give one of them")
    chosen = _patch(folder, patch) if patch else _from_git(Git.at(folder), base, staged, revisions)
    content = read_change(chosen)
    if not by_path(parse_diff(content)):
        raise NothingToReview(f"{chosen.title} changes nothing")
    return chosen.model_copy(update={"digest": digest(content), "model": model})


def _asked(
    base: str | None, staged: bool, revisions: str | None, patch: Path | None
) -> list[tuple[str, object]]:
    return [("--base", base), ("--staged", staged), (f"the range {revisions}", revisions), ("--patch", patch)]


def _from_git(git: Git, base: str | None, staged: bool, revisions: str | None) -> ReviewInput:
    if revisions:
        return _range(git, revisions)
    if base:
        return _since(git, base)
    old = git.commit("HEAD") or git.empty_tree()
    if staged:
        return _input(git, "staged", old, title="the staged change")
    if git.diff(old):
        return _input(git, "worktree", old, title="the uncommitted change")
    return _branch(git)


def _input(git: Git, kind: str, base: str, *, head: str | None = None, title: str) -> ReviewInput:
    return ReviewInput.model_validate(
        {
            "kind": kind,
            "repository": str(git.root),
            "base": base,
            "head": head,
            "digest": "",
            "title": visible(title),
        }
    )


def _range(git: Git, revisions: str) -> ReviewInput:
    dots = "..." if "..." in revisions else ".."
    one, found, other = revisions.partition(dots)
    if not found:
        raise ReviewError(f"{visible(revisions)!r} is not a range; write A..B")
    old, new = _commit(git, one or "HEAD"), _commit(git, other or "HEAD")
    if dots == "...":
        old = _common(git, old, new, one)
    return _input(git, "range", old, head=new, title=revisions)


def _since(git: Git, base: str) -> ReviewInput:
    head = _commit(git, "HEAD")
    common = _common(git, _commit(git, base), head, base)
    if common == head:
        raise NothingToReview(
            f"HEAD has no commit that {visible(base)} has not; commit first, or name a range A..B"
        )
    return _input(git, "range", common, head=head, title=f"HEAD since {base}")


@dataclass(frozen=True, slots=True)
class _Rival:
    name: str
    commit: str


def _branch(git: Git) -> ReviewInput:
    head = git.commit("HEAD")
    if head is None:
        raise NothingToReview(
            "the repository has no commit and nothing is added; `git add` what is to be reviewed"
        )
    rivals = [
        _Rival(name, found)
        for name in ("@{upstream}", *_DEFAULT_BRANCHES)
        if (found := git.commit(name)) is not None
    ]
    for rival in rivals:
        common = git.merge_base(rival.commit, head)
        if common is not None and common != head:
            name = "its upstream" if rival.name == "@{upstream}" else rival.name
            return _input(git, "range", common, head=head, title=f"HEAD since {name}")
    raise NothingToReview(
        "nothing is uncommitted and HEAD is not ahead of its upstream or default branch; "
        "name a range, e.g. HEAD~1..HEAD"
    )


def _patch(folder: Path, patch: Path) -> ReviewInput:
    try:
        git = Git.at(folder)
    except (NotARepository, GitFailed):
        return ReviewInput(
            kind="patch",
            repository=None,
            base=None,
            head=None,
            digest="",
            patch=str(patch.resolve()),
            title=str(patch),
        )
    return _input(git, "patch", git.commit("HEAD") or git.empty_tree(), title=str(patch)).model_copy(
        update={"patch": str(patch.resolve())}
    )


def _commit(git: Git, name: str) -> str:
    found = git.commit(name)
    if found is None:
        raise ReviewError(f"{visible(name)!r} is not a commit of {visible(str(git.root))}")
    return found


def _common(git: Git, one: str, other: str, name: str) -> str:
    common = git.merge_base(one, other)
    if common is None:
        raise ReviewError(f"HEAD and {visible(name)} have no commit in common; name a range A..B")
    return common
