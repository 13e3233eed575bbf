"""One recorded scenario, as the file has it; times in it are milliseconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Json", "Scenario", "operations", "read"]

Json = Any
"""What `json.loads` gives."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A program, what was done to it from outside, and what the recorded engine did."""

    id: str
    group: str
    verdict: str
    note: str
    workflow: str
    program: list[dict[str, Json]]
    raw: dict[str, Json]

    @classmethod
    def of(cls, raw: dict[str, Json]) -> Scenario:
        """The scenario that this element of the file describes."""
        return cls(
            id=raw["id"],
            group=raw["group"],
            verdict=raw["verdict"],
            note=raw.get("note") or "",
            workflow=raw.get("workflow") or "interpreter",
            program=raw.get("program") or [],
            raw=raw,
        )

    @property
    def params(self) -> Json:
        """What `create()` was given; None when it was given nothing."""
        return self.raw.get("params", {"ops": self.program})

    @property
    def external(self) -> list[dict[str, Json]]:
        """What was done from outside, in order."""
        return self.raw.get("external") or []

    @property
    def observed(self) -> dict[str, Json]:
        """What the recorded engine did."""
        return self.raw.get("observed") or {}

    @property
    def calls(self) -> list[dict[str, Json]]:
        """The calls of a scenario that only talks to bindings, each with its recorded result."""
        return self.raw.get("calls") or []


def read(path: Path) -> list[Scenario]:
    """All scenarios of a file."""
    return [Scenario.of(raw) for raw in json.loads(path.read_text(encoding="utf-8"))["scenarios"]]


def operations(tree: Json) -> Iterator[dict[str, Json]]:
    """Every operation of a program, nested ones too."""
    match tree:
        case dict():
            if "op" in tree:
                yield tree
            for value in tree.values():
                yield from operations(value)
        case list():
            for value in tree:
                yield from operations(value)
