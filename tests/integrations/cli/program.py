"""The `agents` program as a shell starts it, and as a function."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mortal import mortal

_PROGRAM = Path(sys.executable).with_name("agents")
MODEL_SETTINGS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program left behind."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """What it said, when that was one line."""
        (line,) = self.err.splitlines()
        return line


@contextmanager
def started(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The program, running; its input is empty, and it does not outlive a block that fails."""
    kept = {name: value for name, value in os.environ.items() if name not in MODEL_SETTINGS}
    process = subprocess.Popen(
        [_PROGRAM, *arguments],
        cwd=folder,
        env={**kept, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with mortal(process) as program:
        yield program


def run(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """The program, to its end."""
    with started(*arguments, folder=folder, environment=environment) as program:
        out, err = program.communicate(timeout=50)
    return Ended(program.returncode, out, err)
