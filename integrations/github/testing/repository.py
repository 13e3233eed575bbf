"""The git side of a fake GitHub: a local repository, its diffs, and its objects over HTTP."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ChangedFile", "LocalRepository"]

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of a pull request, as GitHub lists it."""

    name: str
    patch: str | None

    def hunk_of(self, line: int, side: str) -> int | None:
        """The number of the hunk in which `line` of one side lies."""
        for number, found in enumerate(_HUNK.finditer(self.patch or "")):
            start, count = (found[3], found[4]) if side == "RIGHT" else (found[1], found[2])
            if int(start) <= line < int(start) + int(1 if count is None else count):
                return number
        return None


@dataclass(frozen=True, slots=True)
class LocalRepository:
    """Asked by the git program."""

    path: Path

    def git(self, *arguments: str, stdin: bytes = b"", version: str = "") -> bytes:
        """What git prints; raises `CalledProcessError`."""
        command = ("git", "-c", "core.quotePath=false", "-C", str(self.path), *arguments)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROTOCOL": version,
        }
        ended = subprocess.run(command, input=stdin, capture_output=True, check=True, env=environment)  # noqa: S603
        return ended.stdout

    def commit(self, name: str) -> str:
        """The hash of what `name` means now."""
        return self.git("rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()

    def merge_base(self, one: str, other: str) -> str:
        """The commit that both have in common."""
        return self.git("merge-base", one, other).decode().strip()

    def point(self, ref: str, commit: str) -> None:
        """Makes `ref` mean `commit`, so that it can be fetched."""
        self.git("update-ref", ref, commit)

    def blob(self, commit: str, path: str) -> str:
        """Which content a path has; empty when there is none."""
        return self.git("ls-tree", commit, "--", path).decode()

    def changed(self, base: str, head: str) -> list[ChangedFile]:
        """The files that differ, with their hunks."""
        return list(_files(self.git("diff", "-M", base, head).decode("utf-8", "replace")))

    def advertise(self, version: str) -> bytes:
        """The refs, for a client that wants to fetch."""
        told = self.git("upload-pack", "--stateless-rpc", "--advertise-refs", ".", version=version)
        return b"001e# service=git-upload-pack\n0000" + told

    def upload(self, wanted: bytes, version: str) -> bytes:
        """The objects that a client asks for; any that are there, as GitHub does."""
        allowed = ("-c", "uploadpack.allowAnySHA1InWant=true")
        return self.git(*allowed, "upload-pack", "--stateless-rpc", ".", stdin=wanted, version=version)


def _files(diff: str) -> Iterator[ChangedFile]:
    for part in re.split(r"^diff --git ", diff, flags=re.MULTILINE)[1:]:
        head, at, hunks = part.partition("\n@@ ")
        names = re.findall(r"^(?:\+\+\+ b/|rename to |--- a/)(.*?)\t?$", head, flags=re.MULTILINE)
        name = names[-1] if names else head.split("\n")[0].rpartition(" b/")[2]
        yield ChangedFile(name, f"@@ {hunks}".removesuffix("\n") if at else None)
