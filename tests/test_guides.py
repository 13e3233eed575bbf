"""Every program of the guides runs by itself; what a page says that it prints is what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_PROGRAM = re.compile(
    r"^```(python(?: test)?)\n(.*?)^```$"  # a program
    r"(?:\n+```text\n(.*?)^```$)?",  # and what it prints, when that follows at once
    re.DOTALL | re.MULTILINE,
)
_SAID = re.compile(r"print\(.*\) +# (.*)$", re.MULTILINE)
SECONDS = 50


@dataclass(frozen=True, slots=True)
class Program:
    """One block of a page."""

    page: str
    line: int
    source: str
    prints: str | None
    is_test: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def programs() -> list[Program]:
    """All blocks marked `python` (a program) or `python test` (a file for pytest)."""
    found = []
    for page in sorted(ROOT.glob("docs/*.md")):
        text = page.read_text(encoding="utf-8")
        for block in _PROGRAM.finditer(text):
            kind, source, prints = block.groups()
            line = text.count("\n", 0, block.start()) + 1
            found.append(Program(page.name, line, source, prints, kind == "python test"))
    return found


@pytest.mark.parametrize("program", programs(), ids=str)
def test_it_runs(program: Program, tmp_path: Path) -> None:
    (tmp_path / "test_page.py").write_text(program.source, encoding="utf-8")
    tool = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if program.is_test else ["-W", "error"]
    command = [sys.executable, *tool, "test_page.py"]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if program.prints is not None:
        assert ran.stdout == program.prints
    said = _SAID.findall(program.source)
    assert [line for line in said if line not in ran.stdout.splitlines()] == []


def test_there_are_programs() -> None:
    assert len({program.page for program in programs()}) >= 10
