"""Everything that the children of one database told, and what in it may not be."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["History"]

_STEPS = ("first", "part0", "part1", "part2", "thread", "flaky")


@dataclass(frozen=True, slots=True)
class _Effect:
    instance: int
    step: str
    attempt: int
    process: int
    value: str


@dataclass(slots=True)
class History:
    """The acknowledgements of all processes so far, by what was acknowledged."""

    first: dict[tuple[int, str], tuple[int, str]] = field(default_factory=dict)
    """The process that acknowledged it first, and the value."""
    count: int = 0
    violations: list[str] = field(default_factory=list)

    def acknowledge(self, process: int, line: str) -> None:
        """One line of a pipe."""
        number, what, value = line.split(" ", 2)
        self.count += 1
        earlier, before = self.first.setdefault((int(number), what), (process, value))
        if before != value:
            self.violations.append(
                f"instance {number}, {what}: process {process} saw {value}, but process {earlier} {before}"
            )

    def known(self) -> frozenset[tuple[int, str]]:
        """What must never be lost."""
        return frozenset(self.first)

    def check(self, database: Path, effects: Path, instances: int) -> None:
        """Adds what is wrong now that everything should have ended, or that something went wrong before."""
        if not self.violations:
            self.violations += self._unfinished(instances)
        done = [_effect(line) for line in effects.read_text(encoding="ascii").splitlines()]
        self.violations += self._done_again(done)
        self.violations += _damage(database)

    def _done_again(self, done: list[_Effect]) -> Iterator[str]:
        """A step that was acknowledged is not done again; nor is an attempt, within one process."""
        for effect in done:
            process, value = self.first.get((effect.instance, effect.step), (effect.process, ""))
            if effect.process > process:
                yield (
                    f"instance {effect.instance}, step {effect.step}: acknowledged by process {process} "
                    f"as {value}, and done again by process {effect.process}"
                )
        attempts = Counter((one.instance, one.step, one.attempt, one.process) for one in done)
        for (instance, step, attempt, process), count in attempts.items():
            if count > 1:
                where = f"instance {instance}, step {step}"
                yield f"{where}: process {process} ran attempt {attempt} {count} times"
        values = {effect.value for effect in done}
        for (instance, what), (_, value) in self.first.items():
            if what in _STEPS and value not in values:
                yield f"instance {instance}, step {what}: {value} was acknowledged and never made"

    def _unfinished(self, instances: int) -> Iterator[str]:
        for number in range(instances):
            if (number, "output") not in self.first:
                yield f"instance {number} did not end"
                continue
            expected = ",".join(self.first.get((number, step), (0, "?"))[1] for step in _STEPS)
            if (output := self.first[number, "output"][1]) != expected:
                yield f"instance {number} returned {output}, its steps {expected}"
            if number % 2 and self.first.get((number, "gate"), (0, ""))[1] != f"event{number}":
                yield f"instance {number} never received its event"


def _effect(line: str) -> _Effect:
    instance, step, attempt, process, value = line.split()
    return _Effect(int(instance), step, int(attempt), int(process), value)


def _damage(database: Path) -> Iterator[str]:
    connection = sqlite3.connect(database)
    try:
        for (verdict,) in connection.execute("PRAGMA integrity_check"):
            if verdict != "ok":
                yield f"integrity_check: {verdict}"
        twice = "SELECT instance, ordinal FROM entry GROUP BY instance, ordinal HAVING count(*) > 1"
        for instance, ordinal in connection.execute(twice):
            yield f"instance {instance} has two records of its step {ordinal}"
    finally:
        connection.close()
