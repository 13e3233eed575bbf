"""What makes an agent durable, and where in a workflow it is so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from pydantic_ai import AgentRunResult, RunContext
from pydantic_ai.capabilities import WrapRunHandler
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    DurabilityEngineSpec,
    DurableOperationBackend,
    RoleBasedOperationConfig,
    conversation_id_from_run_id,
    replay_scope,
)
from pydantic_ai.tools import AgentDepsT

from integrations.llm.patience import Patience
from integrations.place import Place, here
from integrations.pydantic_ai.backend import StepBackend
from workflows import NotStorable, StepOptions, WorkflowStep

__all__ = ["Durability", "durable"]


@asynccontextmanager
async def durable(
    step: WorkflowStep, name: str, *, model: StepOptions | None = None, tools: StepOptions | None = None
) -> AsyncIterator[None]:
    """Inside of it, what agents with the capability `Durability` ask and do are steps below `name`.

    Agents run one after the other in it; beside each other they each have a `durable` of their own. `model`
    and `tools` are options of the steps: a model that fails is asked again as `integrations.llm` does.
    """
    asked: StepOptions = {"retries": Patience().retries(), **(model or {})}
    place = await Place.claimed(step, name, model=asked, tool=tools or {})
    with place.entered():
        yield


@dataclass(init=False)
class Durability(BaseDurabilityCapability[AgentDepsT]):
    """For `Agent(capabilities=[Durability()])`, whose runs are durable inside of `durable(...)`."""

    engine_spec = DurabilityEngineSpec(
        engine_name="Perdure",
        durable_unit_noun="step",
        durable_container_noun="workflow",
        codec=JSON_CODEC,
        serialization_failure=lambda error: NotStorable(f"what the tool returned is no JSON: {error}"),
        unsupported_runtime_toolset_kinds=frozenset({"function", "mcp", "dynamic"}),
    )

    @property
    def in_durable_context(self) -> bool:
        """The run is in `durable(...)`."""
        return here() is not None

    def get_default_run_id(self) -> str | None:
        """The same on every replay."""
        place = here()
        return None if place is None else str(uuid5(UUID(place.id), str(place.number("run"))))

    def get_default_conversation_id(self, run_id: str) -> str | None:
        """The same on every replay."""
        return None if here() is None else conversation_id_from_run_id(run_id)

    def get_durable_operation_backend(self) -> DurableOperationBackend[Any]:
        """Steps of the place where the agent runs."""
        roles = RoleBasedOperationConfig(model="model", event="tool", capability="tool", tool="tool")
        return StepBackend(agent_name=self.name, default_model_id=self.default_model_id, config=roles)

    async def wrap_run(self, ctx: RunContext[AgentDepsT], *, handler: WrapRunHandler) -> AgentRunResult[Any]:
        """One run at a time in a place, and what is replayed is not traced again."""
        place = here()
        if place is None:
            return await super().wrap_run(ctx, handler=handler)
        with place.alone("an agent"), replay_scope():
            return await super().wrap_run(ctx, handler=handler)
