"""How long `agents review --offline` takes for a change of twenty files, beside git and ruff alone."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from integrations.code_review.lint import ruff_program

__all__ = ["speed_table"]

_FILES, _ROUNDS = 20, 5
_MAIN = "from integrations.cli.main import main; main()"
_SAFE = "-P"  # else the modules of the change, which have the names of Python's own, would be imported
_ASKED = ("review", "--offline", "--again", "--json", "--db", "../reviews.db")
_BEFORE, _AFTER = " is None:", " == 1:"
_WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def speed_table() -> str:
    """Medians of rounds in turn; the files are modules of `asyncio`, each with a line or two changed."""
    with tempfile.TemporaryDirectory(prefix="review-speed-") as place:
        folder = Path(place) / "repository"
        folder.mkdir()
        lines = _change(folder)
        ruff = ruff_program()
        asked: dict[str, Sequence[str]] = {
            "agents review --offline": (sys.executable, _SAFE, "-c", _MAIN, *_ASKED),
            "git diff": ("git", "diff"),
        }
        if ruff is not None:
            asked["ruff check"] = (ruff, "check", "--isolated", "--no-cache", "--exit-zero", "--quiet", ".")
        reviewed = len(json.loads(_run(asked["agents review --offline"], folder))["files_reviewed"])
        if reviewed != _FILES:
            raise RuntimeError(f"{reviewed} files were reviewed, and {_FILES} changed")
        took: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(_ROUNDS):
            for name, command in asked.items():
                took[name].append(_timed(command, folder))
    rows = (f"| `{name}` | {statistics.median(times):.2f} s |" for name, times in took.items())
    head = f"{_FILES} files of {lines:,} lines, median of {_ROUNDS} rounds"
    return "\n".join((f"| {head} | |", "| --- | --- |", *rows))


def _change(folder: Path) -> int:
    """A repository with a commit and a change of twenty files that is not committed; their lines."""
    source = sorted(Path(asyncio.__file__).parent.glob("*.py"), key=lambda file: -file.stat().st_size)
    files = [file for file in source if _BEFORE in file.read_text(encoding="utf-8")][:_FILES]
    for file in files:
        (folder / file.name).write_bytes(file.read_bytes())
    for arguments in (("init", "-q"), ("add", "."), (*_WHO, "commit", "-q", "-m", "a")):
        subprocess.run(("git", *arguments), cwd=folder, check=True)
    for file in files:
        text = file.read_text(encoding="utf-8")
        (folder / file.name).write_text(text.replace(_BEFORE, _AFTER, 2), encoding="utf-8")
    return sum(len(file.read_bytes().splitlines()) for file in files)


def _timed(command: Sequence[str], folder: Path) -> float:
    started = time.perf_counter()
    _run(command, folder)
    return time.perf_counter() - started


def _run(command: Sequence[str], folder: Path) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, check=False, encoding="utf-8")
    if ended.returncode > 1 or (ended.returncode and not ended.stdout):
        raise RuntimeError(f"{command[0]} did not do its work: {ended.stderr}")
    return ended.stdout
