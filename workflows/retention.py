"""For how long a finished instance is kept, as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from workflows.backend import Kept
from workflows.duration import Duration, seconds
from workflows.errors import InvalidDuration, WorkflowError

__all__ = ["Retention", "kept"]


class Retention(TypedDict, total=False):
    """Counted from the end of an instance; what is not given is what the workflow or the engine says."""

    success_retention: Duration
    """After it is complete or was terminated."""
    error_retention: Duration
    """After it is errored."""


_NAMES = ("success_retention", "error_retention")


def kept(*asked: Mapping[str, Any] | None) -> Kept:
    """The first of `asked` that says something counts, for each of the two; raises what is wrong with it."""
    given = [one for one in asked if one is not None]
    for one in given:
        _refuse_unknown(one)
    success, error = (next((one[name] for one in given if name in one), None) for name in _NAMES)
    return Kept(_length(success, "success_retention"), _length(error, "error_retention"))


def _length(duration: Duration | None, what: str) -> float | None:
    if duration is None:
        return None
    length = seconds(duration, what=what)
    if length <= 0:
        raise InvalidDuration(f"{what} {duration!r} must be more than 0")
    return length


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in _NAMES]
    if unknown:
        raise WorkflowError(f"retention knows no {unknown[0]!r}: give {' or '.join(_NAMES)}")
