from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from integrations.code_review.choose import choose_change
from integrations.code_review.errors import (
    DiffError,
    GitFailed,
    NotARepository,
    NothingToReview,
    ReviewError,
)
from integrations.code_review.git import Git
from integrations.code_review.reading import read_change
from integrations.code_review.subject import ReviewInput, digest
from tests.integrations.code_review.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "repo")
    made.commit({"a.py": "x = 1\n", "b.py": "y = 1\n"}, "first")
    return made


def test_what_is_uncommitted_comes_first(repository: Repository) -> None:
    repository.write({"a.py": "x = 2\n"})
    chosen = choose_change(repository.root)
    assert (chosen.kind, chosen.head, chosen.title) == ("worktree", None, "the uncommitted change")
    assert chosen.base == repository.git("rev-parse", "HEAD")
    assert b"+x = 2" in read_change(chosen)


def test_only_what_is_staged(repository: Repository) -> None:
    repository.write({"a.py": "x = 2\n", "b.py": "y = 2\n"})
    repository.git("add", "b.py")
    content = read_change(choose_change(repository.root, staged=True))
    assert b"+y = 2" in content
    assert b"+x = 2" not in content


def test_else_the_branch_since_it_left_the_default_branch(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("switch", "-qc", "feature")
    head = repository.commit({"a.py": "x = 2\n"})
    repository.git("switch", "-q", "main")
    repository.commit({"b.py": "y = 3\n"}, "meanwhile")
    repository.git("switch", "-q", "feature")
    chosen = choose_change(repository.root)
    assert (chosen.kind, chosen.base, chosen.head) == ("range", base, head)
    assert chosen.title == "HEAD since main"


@pytest.mark.parametrize("revisions", ["HEAD~1..HEAD", "HEAD~1..", "HEAD~1...HEAD", "main~1..main"])
def test_a_range(repository: Repository, revisions: str) -> None:
    repository.commit({"a.py": "x = 2\n"})
    chosen = choose_change(repository.root, revisions=revisions)
    assert b"+x = 2" in read_change(chosen)
    assert len(chosen.base or "") == len(chosen.head or "") == 40


def test_since_a_reference(repository: Repository) -> None:
    repository.git("tag", "v1")
    repository.commit({"a.py": "x = 2\n"})
    assert b"+x = 2" in read_change(choose_change(repository.root, base="v1"))


def test_the_first_commit_is_compared_with_nothing(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    repository.write({"a.py": "x = 1\n"})
    repository.git("add", "a.py")
    assert b"+x = 1" in read_change(choose_change(tmp_path, staged=True))


def test_a_patch_without_a_repository(tmp_path: Path) -> None:
    patch = tmp_path / "x.patch"
    patch.write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    chosen = choose_change(tmp_path, patch=patch)
    assert (chosen.kind, chosen.repository, chosen.base) == ("patch", None, None)


def test_the_same_change_has_the_same_id_and_another_one_another(repository: Repository) -> None:
    repository.write({"a.py": "x = 2\n"})
    first, again = choose_change(repository.root), choose_change(repository.root)
    with_model = choose_change(repository.root, model="m")
    repository.write({"a.py": "x = 3\n"})
    edited = choose_change(repository.root)
    assert first.workflow_id == again.workflow_id
    assert len({first.workflow_id, with_model.workflow_id, edited.workflow_id}) == 3


def test_the_title_is_no_part_of_the_identity() -> None:
    one = ReviewInput(kind="patch", repository=None, base=None, head=None, digest=digest(b"x"), title="a")
    assert one.workflow_id == one.model_copy(update={"title": "b"}).workflow_id


_NO_DIFF = "hello\n"


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({}, NothingToReview, "nothing is uncommitted"),
        ({"staged": True}, NothingToReview, "the staged change changes nothing"),
        ({"base": "HEAD"}, NothingToReview, "HEAD has no commit"),
        ({"base": "nowhere"}, ReviewError, "'nowhere' is not a commit"),
        ({"base": "--output=x"}, ReviewError, "'--output=x' is not a commit"),
        ({"revisions": "main"}, ReviewError, "'main' is not a range"),
        ({"revisions": "HEAD..\u202enowhere"}, ReviewError, r"u202enowhere' is not a commit"),
        ({"base": "main", "staged": True}, ReviewError, "--base and --staged exclude each other"),
        ({"patch": Path("absent.patch")}, ReviewError, "cannot read the patch .*No such file"),
        ({"patch": Path("no.patch")}, DiffError, "line 1: no file header"),
    ],
)
def test_what_cannot_be_reviewed_is_said_in_one_line(
    repository: Repository,
    asked: Mapping[str, object],
    error: type[Exception],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repository.root)
    (repository.root / ".git" / "info" / "exclude").write_text("no.patch\n")
    (repository.root / "no.patch").write_text(_NO_DIFF)
    with pytest.raises(error, match=words) as caught:
        choose_change(repository.root, **asked)  # type: ignore[arg-type]  # each row has its own types
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="is not inside a git repository"):
        choose_change(tmp_path)
    with pytest.raises(NotARepository, match="is not a folder"):
        choose_change(tmp_path / "absent")


def test_without_the_git_program(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed, match="install git"):
        choose_change(repository.root)


def test_a_series_of_patches_is_refused(tmp_path: Path) -> None:
    one = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
    (tmp_path / "x.patch").write_text(one + one.replace("-a\n+b", "-b\n+c"))
    with pytest.raises(ReviewError, match="changes x twice"):
        choose_change(tmp_path, patch=tmp_path / "x.patch")


def test_neither_the_environment_nor_the_repository_runs_anything(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = repository.root / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository.root}/ran\n")
    trap.chmod(0o755)
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS"):
        monkeypatch.setenv(name, str(trap))
    monkeypatch.setenv("GIT_DIR", os.devnull)
    for name in ("diff.external", "core.fsmonitor", "core.pager", "diff.x.textconv"):
        repository_config = repository.root / ".git" / "config"
        section, _, key = name.rpartition(".")
        head = _section(section)
        repository_config.write_text(f"{repository_config.read_text()}\n{head}\n\t{key} = {trap}\n")
    (repository.root / ".git" / "info" / "attributes").write_text("*.py diff=x\n")
    (repository.root / "a.py").write_text("x = 2\n")
    git = Git.at(repository.root)
    assert b"+x = 2" in git.diff(git.commit("HEAD") or "")
    assert not (repository.root / "ran").exists()


def _section(name: str) -> str:
    first, _, second = name.partition(".")
    return f'[{first} "{second}"]' if second else f"[{first}]"
