"""What goes to whom: the answer to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys

import typer

__all__ = ["answer", "remark"]


def answer(text: str) -> None:
    """Writes to stdout; a reader that has gone, e.g. `head`, is no error."""
    try:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def remark(sentence: str) -> None:
    """One line on stderr."""
    typer.echo(f"agents: {' '.join(sentence.split())}", err=True)
