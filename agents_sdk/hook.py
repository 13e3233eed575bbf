"""`AgentMethod`: tells an agent of the end of a workflow's instance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from agents_sdk.agent import Agent
from agents_sdk.errors import InvalidAgent
from agents_sdk.methods import methods_of
from workflows import Finished

__all__ = ["AgentMethod"]


@dataclass(frozen=True, slots=True)
class AgentMethod:
    """A hook of a workflow, in `on_complete` or `on_failure`: calls an agent's method with what has finished.

    `agent` is a class or the name of one, `instance` the agent's name, or makes it from what has finished.
    The agent is woken for it. Until an `AgentsApp` is started on the workflow's engine, the delivery waits.
    An error of the method is followed by another attempt, so one `finished.delivery` may come twice.
    """

    place: ClassVar[str] = "agents"

    agent: type[Agent[Any, Any]] | str
    instance: str | Callable[[Finished], str]
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

    def addressed(self, finished: Finished) -> str:
        """The name of the agent that is told of this."""
        return self.instance if isinstance(self.instance, str) else self.instance(finished)
