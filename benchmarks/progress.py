"""How far it has come, on the error output: a line that is written over on a terminal, else line by line."""

from __future__ import annotations

import sys
import time

__all__ = ["Progress"]


class Progress:
    """The progress of one question."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def tell(self, what: str) -> None:
        """Where it is now."""
        line = f"[{self._name} {time.monotonic() - self._begun:4.0f} s] {what}"
        if self._terminal:
            print(f"\r\x1b[K{line[:100]}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> float:
        """Clears the line; how many seconds it took."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        return time.monotonic() - self._begun
