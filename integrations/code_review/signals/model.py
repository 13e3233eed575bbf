"""What families compare, and what they say."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from integrations.code_review.finding import Severity
from integrations.code_review.signals.syntax import blurred, calls_in, source, walk_parts

__all__ = ["Body", "Difference", "Family", "FunctionChange", "Head", "Signal"]


_MOST_TOUCHED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """One statement without the statements inside it."""

    node: ast.AST
    """A statement, an `except` clause or a `case`."""
    text: str
    """Its canonical source."""
    parts: tuple[ast.AST, ...]
    """Its own expressions."""
    blocks: tuple[str, ...]
    """The heads of the blocks around it, outermost first."""
    line: int
    last: int


@dataclass(frozen=True, eq=False)
class Body:
    """A function, or the statements of a class or module that are in none."""

    name: str
    node: ast.AST
    heads: tuple[Head, ...]

    @property
    def function(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The definition, when this is a function."""
        return self.node if isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef) else None

    @cached_property
    def calls(self) -> Counter[str]:
        """How often each name is called."""
        return Counter(name for head in self.heads for part in head.parts for name, _ in calls_in(part))

    @cached_property
    def texts(self) -> frozenset[str]:
        """The canonical source of every expression in it."""
        return frozenset(map(source, self._expressions()))

    @cached_property
    def blurred(self) -> frozenset[str]:
        """The same with other names for variables."""
        return frozenset(map(blurred, self._expressions()))

    def _expressions(self) -> Iterator[ast.expr]:
        for head in self.heads:
            for part in head.parts:
                yield from (node for node in walk_parts(part) if isinstance(node, ast.expr))


@dataclass(frozen=True, slots=True)
class Difference:
    """`old` became `new`; None where there is nothing. `parent` held `old`, `new_parent` holds `new`."""

    old: ast.AST | None
    new: ast.AST | None
    parent: ast.AST
    new_parent: ast.AST
    field: str
    heads: tuple[Head, Head]
    alone: bool = False
    """The statement differs in nothing else."""


@dataclass(frozen=True, eq=False)
class FunctionChange:
    """One function before and after, statement by statement."""

    name: str
    old: Body
    new: Body
    same: tuple[tuple[Head, Head], ...]
    changed: tuple[tuple[Head, Head], ...]
    removed: tuple[Head, ...]
    added: tuple[Head, ...]
    differences: tuple[Difference, ...] = ()
    """The smallest parts in which changed statements differ."""
    fresh: tuple[Body, ...] = ()
    """New functions of the file that the new one calls: what was moved out is found there."""
    gone: frozenset[str] = frozenset()
    """Names of functions that the file no longer has: what they did may stand here now."""

    @cached_property
    def lost_calls(self) -> Counter[str]:
        """Calls that are fewer than before, by their last name."""
        now = sum((body.calls for body in (self.new, *self.fresh)), Counter[str]())
        return Counter(
            {name: count for name, count in (self.old.calls - now).items() if name not in self.gone}
        )

    @property
    def grew(self) -> bool:
        """Whether statements came, here or in a new function that is called: those may do what went."""
        return bool(self.added or self.fresh)

    @property
    def shrank(self) -> bool:
        """Whether statements went, and nothing else happened."""
        return bool(self.removed) and not self.changed and not self.grew

    @property
    def settled(self) -> bool:
        """Whether every statement is still there, perhaps changed: no rewriting, an edit."""
        return not self.removed and not self.grew

    @property
    def rewritten(self) -> bool:
        """Whether too little stayed, or too much came, for a loss among it to be an oversight."""
        size, kept = len(self.old.heads), len(self.same) + len(self.changed)
        if (size > 8 and kept < size * 0.3) or (self.changed and len(self.removed) * 2 > size):
            return True
        return len(self.changed) + len(self.added) > _MOST_TOUCHED

    def has(self, node: ast.AST) -> bool:
        """Whether an expression still stands in the new function, or in a new one that it calls."""
        return source(node) in self.new.texts or any(blurred(node) in body.blurred for body in self.fresh)


@dataclass(frozen=True, slots=True)
class Signal:
    """A question about a behaviour that changed, asked where the code is, or was."""

    rule: str
    severity: Severity
    message: str
    old: Head | None = None
    new: Head | None = None
    subject: str = ""


Family = Callable[[FunctionChange], Iterator[Signal]]
