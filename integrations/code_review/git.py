"""The git program, asked so that neither the repository nor the environment can make it run anything else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from integrations.code_review.errors import GitFailed, NotARepository
from integrations.code_review.visible import visible

__all__ = ["Git", "Grepped", "clean_environment"]

_PATIENCE = 120.0
_KEPT = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "XDG_CONFIG_HOME")
_SAFE = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "diff.suppressBlankEmpty=false",
)
_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--full-index",
    "--binary",
    "-M",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=histogram",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ignore-submodules=dirty",
    "-O/dev/null",
)


@dataclass(frozen=True, slots=True)
class Grepped:
    """A line in which a word was found."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Git:
    """One repository, read and never written."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> Git:
        """The repository that `folder` is in; raises `NotARepository`."""
        if not folder.is_dir():
            raise NotARepository(
                f"{visible(str(folder))} is not a folder; name a folder inside a git repository"
            )
        try:
            bare = cls(folder).text("rev-parse", "--is-bare-repository") == "true"
            top = cls(folder).text("rev-parse", "--absolute-git-dir" if bare else "--show-toplevel")
        except GitFailed as error:
            if "not a git repository" not in str(error):
                raise
            raise NotARepository(
                f"{visible(str(folder))} is not inside a git repository; go to one, or give a patch file"
            ) from None
        return cls(Path(top))

    def run(self, *arguments: str, stdin: bytes = b"", ok: Iterable[int] = (0,)) -> bytes:
        """What git prints; raises `GitFailed` with its own reason."""
        command = ("git", "--no-pager", *_SAFE, "-C", str(self.root), *arguments)
        try:
            ended = subprocess.run(  # noqa: S603 a fixed program, references are resolved to hashes first
                command,
                input=stdin,
                capture_output=True,
                timeout=_PATIENCE,
                env=clean_environment(),
                check=False,
            )
        except FileNotFoundError:
            raise GitFailed("the git program was not found; install git, or give a patch file") from None
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {arguments[0]} took more than {_PATIENCE:g} seconds") from None
        if ended.returncode not in ok:
            raise GitFailed(f"git {arguments[0]}: {_reason(ended.stderr) or f'exit code {ended.returncode}'}")
        return ended.stdout

    def text(self, *arguments: str) -> str:
        """What git prints, as one line of text."""
        return self.run(*arguments).decode("utf-8", "surrogateescape").strip()

    def commit(self, name: str) -> str | None:
        """The hash of the commit that `name` means here; None when there is none."""
        found = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", ok=(0, 1, 128)
        )
        return found.decode().strip() or None

    def empty_tree(self) -> str:
        """The hash of a tree without files, to compare a first commit with."""
        return self.text("hash-object", "-t", "tree", "--stdin")

    def merge_base(self, one: str, other: str) -> str | None:
        """The commit that two commits have in common; None when they have none."""
        return self.run("merge-base", one, other, ok=(0, 1)).decode().strip() or None

    def diff(self, *which: str) -> bytes:
        """The diff between commits, index and files, in one fixed form."""
        return self.run(*_DIFF, *which, "--")

    def blob(self, name: str) -> bytes | None:
        """The content of `HASH` or `COMMIT:path`; None when it is not there."""
        if name.startswith("-"):
            return None
        try:
            return self.run("cat-file", "blob", name)
        except GitFailed:
            return None

    def untracked(self) -> list[str]:
        """Files that git neither tracks nor ignores."""
        listed = self.run("ls-files", "--others", "--exclude-standard", "-z")
        return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]

    def files(self, tree: str) -> list[str]:
        """Every file of a commit."""
        listed = self.run("ls-tree", "-r", "-z", "--name-only", tree)
        return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]

    def grep(self, words: Iterable[str], tree: str | None, *globs: str) -> list[Grepped]:
        """Where any of the words stands, in a commit or in the tracked files as they are."""
        patterns = [part for word in words for part in ("-e", word)]
        if not patterns:
            return []
        where = (tree,) if tree else ()
        options = ("grep", "--no-color", "-n", "-z", "-w", "-F", "-I", "--full-name")
        found = self.run(*options, *patterns, *where, "--", *globs, ok=(0, 1))
        skip = len(f"{tree}:") if tree else 0
        rows = (row.split(b"\0", 2) for row in found.split(b"\n") if row.count(b"\0") >= 2)
        return [
            Grepped(
                path[skip:].decode("utf-8", "surrogateescape"),
                int(line),
                text.decode("utf-8", "surrogateescape"),
            )
            for path, line, text in rows
        ]


def clean_environment() -> dict[str, str]:
    """What a program needs to run, and nothing else of this process: no key, no token, no option."""
    kept = {name: value for name in _KEPT if (value := os.environ.get(name)) is not None}
    return kept | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }


def _reason(stderr: bytes) -> str:
    lines = visible(stderr.decode("utf-8", "replace")).strip().splitlines()
    fatal = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return (fatal or lines or [""])[0].removeprefix("fatal: ").removeprefix("error: ")
