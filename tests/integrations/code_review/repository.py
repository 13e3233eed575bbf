"""A real git repository in a temporary folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_WHO = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}

Files = Mapping[str, str | bytes | None]


@dataclass(frozen=True, slots=True)
class Repository:
    """Files are given as path → text, bytes, or None to delete."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> Repository:
        root.mkdir(parents=True, exist_ok=True)
        made = cls(root)
        made.git("init", "-q", "-b", "main")
        return made

    def git(self, *arguments: str) -> str:
        environment = {**os.environ, **_WHO}
        ended = subprocess.run(
            ["git", *arguments], cwd=self.root, env=environment, capture_output=True, check=True
        )
        return ended.stdout.decode().strip()

    def write(self, files: Files) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            match content:
                case None:
                    path.unlink()
                case bytes():
                    path.write_bytes(content)
                case _:
                    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    def commit(self, files: Files, message: str = "change") -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
