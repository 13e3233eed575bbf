"""`Runner.run` of the SDK, inside of a workflow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import agents
from agents.run import DEFAULT_MAX_TURNS

from integrations.llm.patience import Patience
from integrations.openai_agents.agent import Unsupported, durable
from integrations.openai_agents.model import DurableModel, DurableProvider
from integrations.place import Place
from workflows import StepOptions, WorkflowStep

__all__ = ["run"]

_ONCE: StepOptions = {"retries": {"limit": 0, "delay": 0}}


async def run(
    step: WorkflowStep,
    name: str,
    agent: agents.Agent[agents.TContext],
    input: str | list[agents.TResponseInputItem] | agents.RunState[agents.TContext],  # noqa: A002  # as the SDK calls it
    *,
    context: agents.TContext | None = None,
    max_turns: int | None = DEFAULT_MAX_TURNS,
    hooks: agents.RunHooks[agents.TContext] | None = None,
    run_config: agents.RunConfig | None = None,
    error_handlers: agents.RunErrorHandlers[agents.TContext] | None = None,
    model: StepOptions | None = None,
    tools: StepOptions | None = None,
) -> agents.RunResult:
    """`Runner.run`, where what models, tools and guardrails have answered is recorded below `name`.

    `model` and `tools` are options of their steps: a model that fails is asked again as `integrations.llm`
    does, a tool is called once, as the SDK tells its errors to the model. No tracing. Raises `Unsupported`.
    """
    asked: StepOptions = {"retries": Patience().retries(), **(model or {})}
    config = _durable(run_config or agents.RunConfig())
    with (await Place.claimed(step, name, model=asked, tool=tools or _ONCE)).entered():
        rest: Any = {"hooks": hooks, "run_config": config, "error_handlers": error_handlers}
        return await agents.Runner.run(durable(agent), input, context=context, max_turns=max_turns, **rest)


def _durable(config: agents.RunConfig) -> agents.RunConfig:
    if config.sandbox or config.input_guardrails or config.output_guardrails:
        raise Unsupported("run_config: a sandbox is not durable, and guardrails belong to the agent")
    model: Any = config.model
    return replace(
        config,
        model=DurableModel(model, "the model of the run") if isinstance(model, agents.Model) else model,
        model_provider=DurableProvider(config.model_provider),
        tracing_disabled=True,
    )
