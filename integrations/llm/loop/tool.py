"""`Tool`: a function that a model may ask to be called, and on which terms."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from integrations.llm.loop.arguments import Parameters, parameters_of
from workflows import Duration, RetryOptions

__all__ = ["Tool", "tools_by_name"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function with annotated parameters; a plain one runs in a thread.

    Its name and its docstring are what the model is told, its parameters what the model may write. A
    parameter that is named `ctx` or annotated `StepContext` gets the context of the step. It is called at
    least once: what it does outside is to be idempotent (`ctx.key` is the same on every attempt), or
    `interrupted` says otherwise.
    """

    function: Callable[..., Any]
    name: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)
    approval: bool | Callable[..., bool] = field(default=False, kw_only=True)
    """Whether a human must agree first; a function is asked with the arguments of the call."""
    approval_timeout: Duration = field(default="24 hours", kw_only=True)
    """After it the call is refused."""
    permit: Callable[..., bool | str] | None = field(default=None, kw_only=True)
    """Asked with the arguments before anything else: True, or why not (False: no reason is told)."""
    parallel: bool = field(default=True, kw_only=True)
    """False: it is called when those before it have ended, and those after it wait for it."""
    failure: Literal["tell", "fail"] = field(default="tell", kw_only=True)
    """What its error becomes: a result that the model reads, or the end of the loop."""
    retries: RetryOptions = field(default_factory=lambda: RetryOptions(limit=0, delay=1), kw_only=True)
    timeout: Duration = field(default="10 minutes", kw_only=True)
    """Of one attempt."""
    interrupted: Literal["rerun", "fail", "ask"] = field(default="rerun", kw_only=True)
    """What becomes of a call that a crash cut off: as `on_interrupted` of `step.do`."""
    longest: int = field(default=20_000, kw_only=True)
    """Characters of its result that the model is given."""
    parameters: Parameters = field(init=False, repr=False)

    def __post_init__(self) -> None:
        name = self.name or getattr(self.function, "__name__", "")
        if not _NAME.fullmatch(name):
            raise ValueError(f"a tool cannot be called {name!r}: give name=, of letters, digits, _ and -")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "description", self.description or inspect.getdoc(self.function) or "")
        object.__setattr__(self, "parameters", parameters_of(self.function, name))

    @property
    def offer(self) -> dict[str, Any]:
        """As Chat Completions takes it."""
        schema = self.parameters.schema
        told = {"name": self.name, "description": self.description, "parameters": schema}
        return {"type": "function", "function": told}


def tools_by_name(tools: Sequence[Tool | Callable[..., Any]]) -> dict[str, Tool]:
    """Functions become tools; no two have one name."""
    made: dict[str, Tool] = {}
    for one in tools:
        tool = one if isinstance(one, Tool) else Tool(one)
        if tool.name in made:
            raise ValueError(f'two tools are called "{tool.name}": give one of them another name=')
        made[tool.name] = tool
    return made
