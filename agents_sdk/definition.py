"""What the app knows of an agent class: looked at once."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import PydanticUserError

from agents_sdk.address import SUB
from agents_sdk.agent import Agent
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.chat.policy import concurrency
from agents_sdk.errors import InvalidAgent
from agents_sdk.methods import Methods, methods_of
from agents_sdk.routing import kebab
from agents_sdk.shape import Shape
from agents_sdk.typeargs import argument
from agents_sdk.wire.takers import Takers, takers_of

__all__ = ["Classes", "Definition", "definitions", "sub_definitions"]

Classes = Iterable[type[Agent[Any, Any]]] | Mapping[str, type[Agent[Any, Any]]]

_STATE = 1  # its place in Agent[Env, State]
_STATE_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Definition:
    """An agent class: its name is part of every address, its kebab name is what clients are told."""

    cls: type[Agent[Any, Any]]
    name: str
    kebab: str
    state: Shape[Any]
    methods: Methods
    takers: Takers


def definitions(agents: Classes) -> dict[str, Definition]:
    """By the kebab name of each binding, which is what a URL has; a list binds classes by their names."""
    bound = agents.items() if isinstance(agents, Mapping) else [(_named(cls), cls) for cls in agents]
    known: dict[str, Definition] = {}
    found: dict[str, Definition] = {}
    for binding, cls in bound:
        definition = known.setdefault(_named(cls), _define(cls))
        if definition.cls is not cls:
            raise InvalidAgent(f"two classes are called {cls.__name__}, and share its data: rename one")
        if kebab(binding) in found:
            raise InvalidAgent(f'two agents would answer at "{kebab(binding)}": rename "{binding}"')
        found[kebab(binding)] = definition
    return found


def sub_definitions(
    top: Mapping[str, Definition], sub_agents: Iterable[type[Agent[Any, Any]]]
) -> dict[str, Definition]:
    """By the kebab names of the classes, which is what a URL has behind `sub`: these, and those on top."""
    known = {one.name: one for one in top.values()}
    found: dict[str, Definition] = {}
    for cls in (*(one.cls for one in known.values()), *sub_agents):
        definition = known.setdefault(_named(cls), _define(cls))
        if definition.cls is not cls:
            raise InvalidAgent(f"two classes are called {cls.__name__}, and share its data: rename one")
        if found.setdefault(definition.kebab, definition) is not definition:
            raise InvalidAgent(
                f'two sub-agents would answer at "{SUB}/{definition.kebab}": rename {cls.__name__}'
            )
    return found


def _named(cls: object) -> str:
    if isinstance(cls, type) and issubclass(cls, Agent):
        return cls.__name__
    raise InvalidAgent(f"{cls!r} is not a subclass of Agent")


def _define(cls: type[Agent[Any, Any]]) -> Definition:
    if kebab(cls.__name__) == SUB:
        raise InvalidAgent(
            f'{cls.__name__} is no name for an agent: "{SUB}" leads to sub-agents in a URL; rename it'
        )
    try:
        shape: Shape[Any] = Shape(argument(cls, Agent, _STATE), limit=_STATE_LIMIT).checked()
    except (PydanticUserError, NameError) as error:
        reason = str(error).partition("\n")[0].partition(". Set ")[0]
        raise InvalidAgent(
            f"the State of {cls.__name__} cannot be used: {reason}; give a dict, TypedDict, dataclass or"
            " pydantic model of its module"
        ) from error
    if inspect.iscoroutinefunction(cls.validate_state_change):
        raise InvalidAgent(f"{cls.__name__}.validate_state_change is never awaited: write it with `def`")
    if issubclass(cls, ChatAgent):
        concurrency(cls.message_concurrency, of=cls.__name__)
    return Definition(cls, cls.__name__, kebab(cls.__name__), shape, methods_of(cls, Agent), takers_of(cls))
