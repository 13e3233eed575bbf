"""A patch that comes through a pipe, kept while its review may have to read it again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integrations.cli.errors import CommandError
from integrations.cli.review.place import private_folder
from integrations.code_review.subject import digest

__all__ = ["PIPE", "PIPED", "piped_patch"]

PIPE = Path("-")
"""What the command line says for stdin."""
PIPED = ".piped"
"""The suffix of what came through it."""


@contextmanager
def piped_patch() -> Iterator[Path]:
    """What stdin holds, as a file named by its content, so that the same patch resumes its review."""
    content = sys.stdin.buffer.read()
    if not content.strip():
        raise CommandError("there is no patch on stdin")
    path = private_folder(None) / f"{digest(content)[:32]}{PIPED}"
    path.touch(mode=0o600)
    path.write_bytes(content)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
