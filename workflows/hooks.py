"""Hooks that are ready to be listed in `on_complete` and `on_failure` of a workflow."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows.errors import WorkflowError
from workflows.hook import Finished, Hook, PlacedHook
from workflows.signature import new_secret
from workflows.webhook import Webhook

__all__ = ["Finished", "Hook", "PlacedHook", "StartWorkflow", "Webhook", "from_environment", "new_secret"]


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


def from_environment(variable: str) -> Callable[[], str]:
    """For `Webhook(secret=…)`: what the environment variable holds when it is needed."""

    def read() -> str:
        if variable not in os.environ:
            raise WorkflowError(f"the environment has no {variable}: set it to the secret of the webhook")
        return os.environ[variable]

    return read
