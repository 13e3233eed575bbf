"""What tells that a loss was meant: then it is still asked about, but not loudly.

A mistake is small and stands alone. What went from all places at once, moved to another function, or went
while much else was rewritten, somebody looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from integrations.code_review.finding import Finding, Severity
from integrations.code_review.signals.model import FunctionChange, Signal

__all__ = ["Surroundings", "one_for_each_function"]

_WORD = re.compile(r"[A-Za-z_]\w*")
_SWEEPING = 5
"""Functions of one file; the fixes that families were tuned with touched four at most."""
_SEVERAL = 3


class Surroundings:
    """The file around a changed function."""

    def __init__(self, changes: Sequence[FunctionChange], lines: Sequence[str]) -> None:
        self._changes = changes
        self._lines = lines

    def explain(self, change: FunctionChange, signal: Signal) -> bool:
        """Whether the rest of the change shows that what a signal asks about was meant."""
        if change.rewritten or len(self._changes) >= _SWEEPING:
            return True
        return bool(signal.subject) and (
            self._is_gone(signal.subject) or self._is_elsewhere(change, signal.subject)
        )

    def _is_gone(self, subject: str) -> bool:
        """Something that it was about went from every function that knew it: its support was dropped."""
        return any(
            sum(word in names for names in self._knew) >= _SEVERAL
            for word in set(_WORD.findall(subject)) - self._words
        )

    def _is_elsewhere(self, change: FunctionChange, subject: str) -> bool:
        """Another function came to do it; a single name says too little."""
        return any(
            subject in calls or (not subject.isidentifier() and subject in texts)
            for other, calls, texts in self._came
            if other is not change
        )

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for line in self._lines for word in _WORD.findall(line))

    @cached_property
    def _knew(self) -> list[frozenset[str]]:
        return [
            frozenset(word for head in one.old.heads for word in _WORD.findall(head.text))
            for one in self._changes
        ]

    @cached_property
    def _came(self) -> list[tuple[FunctionChange, Counter[str], frozenset[str]]]:
        """What each function calls and says that it did not."""
        return [(one, one.new.calls - one.old.calls, one.new.texts - one.old.texts) for one in self._changes]


def one_for_each_function(findings: Iterable[Finding]) -> list[Finding]:
    """The first loud question about a function stays loud, and what is asked of the same line with it.

    The others are about the same edit. When several functions lost something at once, none stays loud: that
    is a redesign.
    """
    found = list(findings)
    lines = {one.symbol: one.line for one in reversed(found) if one.severity.at_least(Severity.MEDIUM)}
    redesigned = len(lines) >= _SEVERAL
    return [_milder(one) if redesigned or one.line != lines.get(one.symbol) else one for one in found]


def _milder(finding: Finding) -> Finding:
    return finding.model_copy(update={"severity": finding.severity.at_most(Severity.LOW)})
