"""`StartWorkflow`: starts an instance of another workflow at the end of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows.hooks.hook import Finished

__all__ = ["StartWorkflow"]


@dataclass(frozen=True, slots=True)
class StartWorkflow:
    """Creates an instance of another workflow of the same engine: exactly one for each end.

    `params` makes its params from what has finished; without it, they are `{}`.
    """

    workflow: type[Any] | str
    params: Callable[[Finished], Any] | None = None

    @property
    def name(self) -> str:
        """See `Hook`."""
        return f"start {self.workflow if isinstance(self.workflow, str) else self.workflow.__name__}"

    async def deliver(self, finished: Finished, /) -> None:
        """See `Hook`."""
        params = {} if self.params is None else self.params(finished)
        await finished.binding(self.workflow).create(id=finished.delivery, params=params, exist_ok=True)
