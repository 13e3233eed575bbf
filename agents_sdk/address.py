"""Where an agent is found: its class and name, below those of its parents."""

from __future__ import annotations

from dataclasses import dataclass

from agents_sdk.errors import TooDeep

__all__ = ["LEVELS", "SUB", "Address", "PathStep"]

SUB = "sub"
"""The segment of a URL behind which a sub-agent is named."""
LEVELS = 4
"""A path has so many steps at most, the top-level agent included."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """One agent of a path: its class and its name."""

    class_name: str
    name: str

    def __str__(self) -> str:
        name = self.name  # of a sub-agent, it is decoded: a line break would begin a new line of the log
        return f'{self.class_name} "{name if name.isprintable() else ascii(name)[1:-1]}"'


@dataclass(frozen=True, slots=True)
class Address:
    """The path of an agent, root first, and the number of its parent; 0: it has none.

    With the number, a sub-agent of a destroyed agent is another one than that of the new agent of its name.
    """

    path: tuple[PathStep, ...]
    parent: int = 0

    @classmethod
    def top(cls, class_name: str, name: str) -> Address:
        """Of an agent that is nobody's."""
        return cls((PathStep(class_name, name),))

    @property
    def class_name(self) -> str:
        """The class of the agent itself."""
        return self.path[-1].class_name

    @property
    def name(self) -> str:
        """The agent's own name."""
        return self.path[-1].name

    def child(self, number: int, class_name: str, name: str) -> Address:
        """Of a sub-agent of this agent, which has this number; raises `TooDeep`."""
        step = PathStep(class_name, name)
        if len(self.path) == LEVELS:
            raise TooDeep(f"{step} would be below {self}, and agents are nested {LEVELS} levels deep at most")
        return Address((*self.path, step), number)

    def is_within(self, other: Address) -> bool:
        """Whether this is `other`, or anywhere below it."""
        return self.path[: len(other.path)] == other.path

    def __str__(self) -> str:
        return " of ".join(map(str, reversed(self.path)))
