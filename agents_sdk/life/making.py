"""From a place to an object: an agent with all its parts, before anything happens to it."""

from __future__ import annotations

from typing import Any

from agents_sdk.agent import Agent
from agents_sdk.context import AgentContext
from agents_sdk.current import entered
from agents_sdk.parts import parts_of
from agents_sdk.place import Place
from agents_sdk.tasks import Tasks

__all__ = ["made"]


def made(place: Place, tasks: Tasks) -> Agent[Any, Any]:
    """The agent of a place, of which `__init__` has run, and nothing else."""
    agent, ground = place.agent, place.ground
    agent.ctx = AgentContext(
        id=place.listed.id,
        address=place.address,
        env=ground.env,
        methods=place.definition.methods,
        connections=place.life.connections,
        workflows=ground.workflows,
        tasks=tasks,
        reach=place.reach,
        clock=ground.clock,
        pinned=place.life.pinned,
        parts=parts_of(place),
    )
    with entered(agent):
        type(agent).__init__(agent)
    return agent
