"""What is asked of a question: how many rounds, how much, and whether small sizes will do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.figures import Answer
from benchmarks.rounds import Tell

__all__ = ["Asked", "Question"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command line, as a question sees them."""

    tell: Tell
    rounds: int | None = None
    count: int | None = None
    quick: bool = False
    """Tiny sizes: whether it works, not how fast it is."""
    peers: bool = True
    folder: Path | None = None
    """Where files are made: the disk that is measured."""

    def size(self, full: T, quick: T) -> T:
        """How much of something."""
        return quick if self.quick else full

    def times(self, full: int) -> int:
        """How many rounds."""
        return self.rounds or self.size(full, 1)

    def many(self, full: int, quick: int) -> int:
        """How many instances, timers or connections; `--count` says otherwise."""
        return self.count or self.size(full, quick)

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A fresh folder."""
        with tempfile.TemporaryDirectory(prefix="bench-", dir=self.folder) as made:
            yield made


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked of this machine."""

    name: str
    text: str
    ask: Callable[[Asked], Answer]
