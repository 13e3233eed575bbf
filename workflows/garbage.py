"""Python's collector of reference cycles, while engines are open.

It looks each time some hundreds of objects more were made than freed, and then goes through what thousands of
waiting runs hold: a third of the time of a step. Runs leave hardly any cycles behind, so it may look less
often.
"""

from __future__ import annotations

import gc

__all__ = ["look_as_before", "look_less_often"]

_USUAL = (700, 2_000)
"""What Python sets by itself; whoever has set something else has had a reason."""
_SELDOM = 50_000

_found: list[int] = []
"""The threshold that each open engine has found."""


def look_less_often() -> None:
    """One engine more is open."""
    youngest, *older = gc.get_threshold()
    _found.append(youngest)
    if youngest in _USUAL:
        gc.set_threshold(_SELDOM, *older)


def look_as_before() -> None:
    """One engine less; the last one sets back what the first one has changed, and nobody since."""
    youngest = _found.pop()
    _, *older = gc.get_threshold()
    if not _found and gc.get_threshold()[0] == _SELDOM:
        gc.set_threshold(youngest, *older)
