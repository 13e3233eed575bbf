"""Old histories against today's code: a test that a deploy lets running instances go on.

history = await instance.export()                      # in production; `json.dumps` it into a file
await assert_replays(Checkout, history)                # in a test: names the first step that differs
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.entrypoint import WorkflowEntrypoint
from workflows.export import recorded
from workflows.testing.differences import Difference, compared, goes_on_with
from workflows.testing.rerun import Rerun

__all__ = ["History", "Replay", "assert_replays", "replay", "replay_histories"]

History = Mapping[str, Any] | os.PathLike[str]
"""What `await instance.export()` returned, or a JSON file with it."""

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Replay:
    """What today's code does with one history."""

    workflow: str
    id: str
    differences: tuple[Difference, ...]
    goes_on_with: tuple[str, ...]
    """The steps that an unfinished instance would take up next, or that come after what was redacted."""

    @property
    def first(self) -> Difference | None:
        """The first difference; None when there is none."""
        return self.differences[0] if self.differences else None

    def __str__(self) -> str:
        head = f'{self.workflow} "{self.id}"'
        if self.differences:
            return "\n".join([f"{head} differs:", *(f"  {one.message}" for one in self.differences)])
        then = f", and would go on with {', '.join(self.goes_on_with)}" if self.goes_on_with else ""
        return f"{head} replays{then}"


async def replay(
    workflow: type[WorkflowEntrypoint[Any, Any]],
    history: History,
    *,
    env: Any = None,
    patience: float = _PATIENCE,
) -> Replay:
    """Runs the code of `workflow` over `history`; no step is done, code between steps is.

    An unfinished instance is replayed up to where it was. `patience` is how many seconds of real time the
    code between two steps may take.
    """
    record = recorded(_loaded(history))
    reached = await Rerun(workflow, record, env=env, patience=patience).reached()
    differences = tuple(compared(record, reached, patience))
    return Replay(record.workflow, record.id, differences, () if differences else goes_on_with(reached))


async def replay_histories(
    workflow: type[WorkflowEntrypoint[Any, Any]],
    histories: Iterable[History],
    *,
    env: Any = None,
    patience: float = _PATIENCE,
) -> list[Replay]:
    """Each history, in the order given: see `replay`."""
    return [await replay(workflow, history, env=env, patience=patience) for history in histories]


async def assert_replays(
    workflow: type[WorkflowEntrypoint[Any, Any]],
    *histories: History,
    env: Any = None,
    patience: float = _PATIENCE,
) -> None:
    """Raises `AssertionError` with every difference when one of the histories does not replay.

    Without any history it raises, too: a test that found no file tests nothing.
    """
    __tracebackhide__ = True
    if not histories:
        raise AssertionError(f"no history of {workflow.__name__} was given: is the folder empty?")
    replays = await replay_histories(workflow, histories, env=env, patience=patience)
    differing = [str(one) for one in replays if one.differences]
    if differing:
        count = f"{len(differing)} of {len(replays)} histories do not replay with today's {workflow.__name__}"
        raise AssertionError("\n".join([f"{count}:", *differing]))


def _loaded(history: History) -> Mapping[str, Any]:
    if isinstance(history, Mapping):
        return history
    loaded: Mapping[str, Any] = json.loads(Path(history).read_text(encoding="utf-8"))
    return loaded
