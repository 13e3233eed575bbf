"""What a text might do to its reader."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def double(number: int) -> int:
    """Does no harm."""
    return 2 * number


def hang() -> int:
    """Never ends, and lets nobody else run."""
    while True:
        pass


def die() -> int:
    """As a crash of the interpreter."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def grow() -> int:
    """Takes all memory."""
    return len(b"x" * (8 << 30))


def sink(depth: int) -> int:
    """Nests too deeply."""
    return sink(depth + 1)


def fail() -> int:
    """Meets what nobody thought of."""
    raise KeyError("what")


def write(path: Path) -> int:
    """Tries to leave something behind."""
    return path.write_text("x")


def environment() -> dict[str, str]:
    """What it can see of the secrets of its parent."""
    return dict(os.environ)


def modules_from() -> list[str]:
    """Where it would import from."""
    return sys.path
