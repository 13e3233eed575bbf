"""What somebody decided about an interrupted step, as an event that only the engine can send.

The event is consumed in the transaction that records what became of the step: a decision takes effect once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from workflows import codec
from workflows.entry import Key
from workflows.errors import WorkflowError
from workflows.typed import message

__all__ = [
    "NOT_GIVEN",
    "PREFIX",
    "Decision",
    "Failed",
    "Rerun",
    "Succeeded",
    "asks",
    "dump",
    "load",
    "refusal",
    "sent_as",
]

PREFIX = "decision:"
"""No event of a user's has a colon in its type."""
NOT_GIVEN: Any = object()


@dataclass(frozen=True, slots=True)
class Rerun:
    """It has not happened: the next attempt may start."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """It has happened, and this is what it returned, in the plain form in which it was sent."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The step fails for good."""

    reason: str


Decision = Rerun | Succeeded | Failed


def asks(types: Iterable[str]) -> bool:
    """Who waits for events of these types waits for a decision, too."""
    return any(type.startswith(PREFIX) for type in types)


def sent_as(step: Key) -> str:
    """The type of the event that decides about `step`."""
    return f"{PREFIX}{step}"


def dump(step: Key, *, rerun: bool, result: object, error: str | None) -> bytes:
    """The one decision that was given; refuses none, and more than one."""
    given = rerun + (result is not NOT_GIVEN) + (error is not None)
    if given != 1:
        raise WorkflowError(
            f'decide about step "{step}" with one of rerun=True, result=… and error="…"; {given} were given'
        )
    if error is not None:
        return orjson.dumps({"error": str(error)})
    return orjson.dumps({"rerun": True}) if rerun else b'{"result":' + message(result) + b"}"


def load(stored: bytes) -> Decision:
    """The decision that was dumped."""
    match codec.decode(stored):
        case {"result": value}:
            return Succeeded(value)
        case {"error": str(reason)}:
            return Failed(reason)
        case _:
            return Rerun()


def refusal(step: Key, *, asks: bool, decided: bool) -> WorkflowError | None:
    """Why a decision cannot be taken; both ledgers ask inside their transaction."""
    if decided:
        return WorkflowError(f'step "{step}" has been decided about already, and has not gone on yet')
    if not asks:
        return WorkflowError(
            f'step "{step}" does not wait for a decision: `status().undecided` lists the steps that do'
        )
    return None
