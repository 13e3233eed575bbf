"""Steps that functions of other steps have called: which of them nobody asks for again.

Each attempt of the outer step calls steps anew, under numbers that no earlier attempt has used. So a run that
begins in between, after a crash or because it was parked, must not give these numbers again. Only an attempt
that was interrupted is gone through once more, and finds what it had recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

from workflows.entry import Entry, Key

__all__ = ["used_up"]


def used_up(journal: Mapping[Key, Entry]) -> list[Key]:
    """The steps whose outer step has ended, or has failed since in the attempt that called them."""
    nested = [entry for entry in journal.values() if entry.within]
    if not nested:
        return []
    outers = {entry.ordinal: entry for entry in journal.values()}
    return [entry.key for entry in nested if _is_used_up(entry, outers)]


def _is_used_up(entry: Entry, outers: Mapping[int, Entry]) -> bool:
    outer = outers.get(entry.within)
    if outer is None or outer.ended or (outer.within and _is_used_up(outer, outers)):
        return True
    failed = max((moment.order for moment in outer.moments if moment.type == "attempt_errored"), default=0)
    return bool(entry.moments) and entry.moments[0].order < failed
