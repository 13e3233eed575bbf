"""A git repository with a change that is not committed yet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_CHANGES = Path(__file__).parent
_WHO = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def make_repository(folder: Path, change: str = "checkout_refactor") -> Path:
    """Makes a repository in `folder`: the program is committed, the change to it is staged."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "apply", "--index", str(_CHANGES / change / "before.patch"))
    git(folder, "commit", "--quiet", "--message", "Open the shop")
    git(folder, "apply", "--index", str(_CHANGES / change / "change.patch"))
    return folder


def git(folder: Path, *arguments: str) -> str:
    """What git prints; its settings of this machine play no part."""
    ended = subprocess.run(  # noqa: S603  # the program and its arguments are ours
        ["git", *arguments],  # noqa: S607
        cwd=folder,
        env={**os.environ, **_WHO},
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return ended.stdout
