"""Python's collector of reference cycles, while engines are open.

It looks each time some hundreds of objects more were made than freed, and then goes through what thousands of
waiting runs hold: a third of the time of a step. Runs leave hardly any cycles behind, so it may look less
often: the more runs there are, the more objects they make while they begin, and all of these stay.
"""

from __future__ import annotations

import gc

__all__ = ["COLLECTOR"]

_USUAL = (700, 2_000)
"""What Python sets by itself; whoever has set something else has had a reason."""
_SELDOM = 50_000
_EACH = 200
"""Objects that one run makes and holds, and its steps besides, about."""
_AT_ONCE = 256
"""The threshold is looked at each time so many runs have begun, or ended."""


class Collector:
    """How often it looks; one for the process, as the collector is."""

    def __init__(self) -> None:
        self._found: list[int] = []
        """The threshold that each open engine has found."""
        self._set = 0
        """The one that was set here last."""
        self._runs = 0

    def opened(self) -> None:
        """One engine more is open."""
        youngest = gc.get_threshold()[0]
        self._found.append(youngest)
        if youngest in _USUAL:
            self._look_after(_SELDOM + _EACH * self._runs)

    def closed(self) -> None:
        """One engine less; the last one sets back what the first one has changed, and nobody since."""
        youngest = self._found.pop()
        if not self._found and gc.get_threshold()[0] == self._set:
            self._look_after(youngest)

    def began(self) -> None:
        """One run more is in memory."""
        self._runs += 1
        self._count()

    def ended(self) -> None:
        """One run less is in memory."""
        self._runs -= 1
        self._count()

    def _count(self) -> None:
        if self._runs % _AT_ONCE == 0 and gc.get_threshold()[0] == self._set:
            self._look_after(_SELDOM + _EACH * self._runs)

    def _look_after(self, objects: int) -> None:
        _, *older = gc.get_threshold()
        gc.set_threshold(objects, *older)
        self._set = objects


COLLECTOR = Collector()
