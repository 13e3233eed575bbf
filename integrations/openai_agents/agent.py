"""An agent as it runs in a workflow: a copy whose models, tools, guardrails and handoffs are durable."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any, TypeVar

import agents

from integrations.openai_agents.model import DurableModel
from integrations.openai_agents.tool import durable_tool, plain
from integrations.place import here

__all__ = ["Unsupported", "durable"]

_Guardrail = TypeVar("_Guardrail", agents.InputGuardrail[Any], agents.OutputGuardrail[Any])


class Unsupported(ValueError):
    """Something of the SDK that is not durable here; the message says what, and of which agent."""


def durable(agent: agents.Agent[agents.TContext]) -> agents.Agent[agents.TContext]:
    """A copy of `agent` and of those it hands off to, as `run` makes it; for `as_tool()` of them."""
    return _copied(agent, {})


def _copied(agent: agents.Agent[Any], seen: dict[int, agents.Agent[Any]]) -> agents.Agent[Any]:
    if id(agent) in seen:  # they may hand off to each other
        return seen[id(agent)]
    if agent.mcp_servers:
        raise Unsupported(f"agent {agent.name!r} has MCP servers: call them from function tools")
    model = agent.model
    if isinstance(model, agents.Model) and not isinstance(model, DurableModel):
        model = DurableModel(model, f"the model of {agent.name}")
    made = seen[id(agent)] = replace(
        agent,
        model=model,
        tools=[_tool(agent, tool) for tool in agent.tools],
        handoffs=[],
        input_guardrails=_guardrails(f"{agent.name} before", agent.input_guardrails),
        output_guardrails=_guardrails(f"{agent.name} after", agent.output_guardrails),
    )
    made.handoffs.extend(_handoff(target, seen) for target in agent.handoffs)
    return made


def _tool(agent: agents.Agent[Any], tool: agents.Tool) -> agents.Tool:
    if not isinstance(tool, agents.FunctionTool) or tool.output_json_schema is not None:
        wanted = "only function tools without an output schema are durable"
        raise Unsupported(f"tool {tool.name!r} of agent {agent.name!r}: {wanted}")
    return durable_tool(tool)


def _handoff(target: Any, seen: dict[int, agents.Agent[Any]]) -> Any:
    if isinstance(target, agents.Agent):
        return _copied(target, seen)
    invoke = target.on_invoke_handoff

    async def invoked(*args: Any) -> agents.Agent[Any]:
        return _copied(await invoke(*args), seen)

    return replace(target, on_invoke_handoff=invoked)


def _guardrails(name: str, guardrails: list[_Guardrail]) -> list[_Guardrail]:
    """Each verdict is a step."""
    return [
        replace(one, name=one.get_name(), guardrail_function=_Check(f"{name} {number}", one))
        for number, one in enumerate(guardrails, start=1)
    ]


class _Check:
    """A guardrail that is a step where a durable run asks it."""

    def __init__(self, name: str, guardrail: Any) -> None:
        self._name = name
        self._check = guardrail.guardrail_function

    async def __call__(self, *args: Any) -> agents.GuardrailFunctionOutput:
        async def call() -> object:
            verdict = await told if inspect.isawaitable(told := self._check(*args)) else told
            return [plain(verdict.output_info), verdict.tripwire_triggered]

        place = here()
        found: Any = await (place.named(self._name, call, place.tool) if place else call())
        return agents.GuardrailFunctionOutput(*found)
