"""What a program under observation emits while it runs, and the clock that it runs on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.scenario import Json
from workflows.testing import VirtualClock

__all__ = ["Trace"]


class Trace:
    """The lines that a program emitted, in order; kept in a file too when a process is going to die."""

    def __init__(self, clock: VirtualClock, file: Path | None = None) -> None:
        self.clock = clock
        self.lines: list[dict[str, Json]] = []
        self._file = file
        self.started = clock.now()
        self._grown = asyncio.Event()

    def emit(self, ev: str, **fields: Json) -> None:
        """One more line."""
        line = {"t": round((self.clock.now() - self.started) * 1_000), "ev": ev, **fields}
        self.lines.append(line)
        self._grown.set()
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, default=repr) + "\n")

    async def saw(self, wanted: dict[str, Json]) -> None:
        """Returns once a line with all of `wanted` has been emitted."""
        while not any(wanted.items() <= line.items() for line in self.lines):
            self._grown.clear()
            await self._grown.wait()

    def callbacks(self) -> dict[str, int]:
        """How often the callback of each `name-count` was called."""
        return dict(Counter(f"{line['step']}-{line['count']}" for line in self._of("callback_start")))

    def results(self) -> dict[str, list[Json]]:
        """The distinct values that each step gave to its program, over all runs."""
        seen: dict[str, list[Json]] = {}
        for line in self._of("result"):
            values = seen.setdefault(line["step"], [])
            if line["value"] not in values:
                values.append(line["value"])
        return seen

    def _of(self, ev: str) -> Iterator[dict[str, Json]]:
        return (line for line in self.lines if line["ev"] == ev)
