"""`AgentMethod`: tells an agent of the end of a workflow's instance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from agents_sdk.address import PathStep
from agents_sdk.agent import Agent
from agents_sdk.errors import InvalidAgent
from agents_sdk.methods import methods_of
from agents_sdk.workflow.report import PLACE
from workflows import Finished

__all__ = ["AgentMethod"]

Where: TypeAlias = str | Sequence[PathStep | Sequence[str]]
"""The name of an agent; or the path of a sub-agent, root first: `[["Parent", "p"], ["Child", "kid"]]`."""


@dataclass(frozen=True, slots=True)
class AgentMethod:
    """A hook of a workflow, in `on_complete` or `on_failure`: calls an agent's method with what has finished.

    `agent` is a class or the name of one, `instance` the agent's name, or makes it from what has finished;
    for a sub-agent it is its path, each step a class and a name, e.g. what was made of its `self_path`.
    The agent is woken for it. Until an `AgentsApp` is started on the workflow's engine, the delivery waits.
    An error of the method is followed by another attempt, so one `finished.delivery` may come twice.
    """

    place: ClassVar[str] = PLACE

    agent: type[Agent[Any, Any]] | str
    instance: Where | Callable[[Finished], Where]
    method: str

    def __post_init__(self) -> None:
        if isinstance(self.agent, str):
            return  # its class is known when the app is
        if not issubclass(self.agent, Agent):
            raise InvalidAgent(f"{self.agent!r} is not a subclass of Agent")
        methods_of(self.agent, Agent).named(self.method)

    @property
    def cls(self) -> str:
        """The name of the agent's class."""
        return self.agent if isinstance(self.agent, str) else self.agent.__name__

    @property
    def name(self) -> str:
        """Under which its deliveries are kept."""
        whose = f' of "{self.instance}"' if isinstance(self.instance, str) else ""
        return f"{self.cls}.{self.method}{whose}"

    def addressed(self, finished: Finished) -> Sequence[PathStep]:
        """The path of the agent that is told of this; raises when it is none."""
        where: object = self.instance(finished) if callable(self.instance) else self.instance
        if isinstance(where, str):
            return [PathStep(self.cls, where)]
        if not isinstance(where, Sequence) or not where:
            raise TypeError(
                f"the name of an agent is a str, not {where!r}: let the hook give str(…), or a path"
            )
        path = [step if isinstance(step, PathStep) else _step(step) for step in where]
        if path[-1].class_name != self.cls:
            raise TypeError(
                f"the path {where!r} leads to a {path[-1].class_name}, and {self.name} calls a {self.cls}"
            )
        return path


def _step(step: object) -> PathStep:
    match step:
        case [str(class_name), str(name)]:
            return PathStep(class_name, name)
    raise TypeError(f"a step of a path is a class and a name, not {step!r}")
