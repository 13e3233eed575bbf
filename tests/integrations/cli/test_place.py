from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from integrations.cli.review.place import forget_old, private_folder
from tests.integrations.code_review.repository import Repository

_DAY = 24 * 3600


def test_reviews_lie_where_git_never_commits_them(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "r")
    folder = private_folder(str(repository.root))
    (folder / "review-1.db").write_text("")
    assert folder == repository.root / ".git" / "perdure"
    assert repository.git("status", "--porcelain", "--ignored") == ""
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_linked_worktree_has_its_own_folder(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "r")
    repository.commit({"a": "1\n"})
    repository.git("worktree", "add", "-q", str(tmp_path / "w"))
    assert private_folder(str(tmp_path / "w")) == repository.root / ".git" / "worktrees" / "w" / "perdure"


def test_without_a_repository_they_are_kept_for_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert private_folder(None).is_relative_to(tmp_path)


def test_only_what_nobody_opened_for_30_days_is_forgotten(tmp_path: Path) -> None:
    old = ["review-old.db", "review-old.db-wal", "review-old.db.lock"]
    kept = ["notes.txt", "review-new.db", "review-new.db.lock"]
    for name in (*old, *kept):
        (tmp_path / name).write_text("")
        opened = 2 * _DAY if name == "review-new.db.lock" else 1
        os.utime(tmp_path / name, (opened, opened))
    forget_old(tmp_path, now=31 * _DAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
