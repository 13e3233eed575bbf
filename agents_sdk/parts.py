"""Which parts hang on an agent: one line for each, in the order in which they are made and begun."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from agents_sdk.agent_tools import AgentTools
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.rows import ChatRows
from agents_sdk.children import Children
from agents_sdk.fibers import Fibers
from agents_sdk.mcp import McpServers
from agents_sdk.part import Part
from agents_sdk.place import Place
from agents_sdk.queue import Queue
from agents_sdk.schedule import Schedules
from agents_sdk.state import NO_STATE, StateCell
from agents_sdk.state_news import StateNews
from agents_sdk.streams import Streams
from agents_sdk.workflow.tracking import Tracking
from agents_sdk.workflow.workflows import Workflows

__all__ = ["PARTS", "parts_of"]


def _state(place: Place) -> Part:
    agent, directory, id = place.agent, place.ground.directory, place.listed.id
    return StateCell(
        place.definition.state,
        owner=str(place),
        stored=place.listed.state,
        whole=place.listed.whole,
        initial=lambda: getattr(agent, "initial_state", NO_STATE),
        save=lambda encoded: directory.save_state(id, encoded),
        validate=agent.validate_state_change,
        committed=StateNews(place.life, place.definition.state),
    )


def _sql(place: Place) -> Part:
    return place.ground.files.of(place.listed.id)


def _schedules(place: Place) -> Part:
    ground, owner = place.ground, place.listed.id
    return Schedules(
        ground.timers, owner, place.definition.methods, place.agent, shares=ground.shares, whose=str(place)
    )


def _mcp(place: Place) -> Part:
    ground = place.ground
    return McpServers(ground.store, place.listed.id, life=place.life, clock=ground.clock)


def _queue(place: Place) -> Part:
    ground, methods = place.ground, place.definition.methods
    return Queue(ground.store, place.listed.id, methods, place.agent, living=place.life, clock=ground.clock)


def _chat(place: Place) -> Part | None:
    if not isinstance(place.agent, ChatAgent):
        return None
    rows = ChatRows(place.ground.store, place.listed.id)
    return Chat(place.agent, rows, place.life, place.ground.clock)


def _children(place: Place) -> Part:
    return Children(place.address, place.listed.id, place.reach, place.ground.directory)


def _agent_tools(place: Place) -> Part | None:
    if not isinstance(place.agent, ChatAgent):
        return None
    ground, methods = place.ground, place.definition.methods
    return AgentTools(
        ground.store, place.listed.id, place.agent, methods, life=place.life, clock=ground.clock
    )


def _workflows(place: Place) -> Part:
    ground = place.ground
    return Workflows(ground.workflows, Tracking(ground.store), place.listed.id, ground.clock)


def _fibers(place: Place) -> Part:
    agent, ground = place.agent, place.ground
    return Fibers(
        ground.store,
        place.listed.id,
        living=place.life,
        clock=ground.clock,
        hook=agent.on_fiber_recovered,
        max_age=agent.fiber_recovery_max_age,
    )


def _streams(place: Place) -> Part:
    ground = place.ground
    pinned = place.life.pinned
    return Streams(ground.store, place.listed.id, pinned=pinned, clock=ground.clock, whose=str(place))


PARTS: tuple[Callable[[Place], Part | None], ...] = (
    _state,
    _sql,
    _schedules,
    _mcp,
    _queue,
    _chat,
    _children,
    _agent_tools,
    _workflows,
    _streams,
    _fibers,  # the last one to begin, as it calls a hook of the agent, which may use all others
)
"""None: the class has no such part."""


def parts_of(place: Place) -> MappingProxyType[type[Part], Part]:
    """The parts of one life, by their classes."""
    made = [part for make in PARTS if (part := make(place)) is not None]
    return MappingProxyType({type(part): part for part in made})
