"""What kind of connection one is, as its agent decides when it comes: tags, readonly, told of the agent."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from agents_sdk.agent import Agent
from agents_sdk.connection import Connection
from agents_sdk.errors import InvalidTags

__all__ = ["decide"]

T = TypeVar("T")

_MOST_TAGS = 10  # with the id
_LONGEST_TAG = 256  # characters


async def decide(agent: Agent[Any, Any], connection: Connection, request: HTTPConnection) -> None:
    """Asks the agent, once, before anything is sent; raises what it raises, and `InvalidTags`."""
    own = await _answer(agent.get_connection_tags(connection, request))
    connection.tags = _tags(connection.id, own)
    connection.set_readonly(await _answer(agent.should_connection_be_readonly(connection, request)))
    connection.told = await _answer(agent.should_send_protocol_messages(connection, request))


async def _answer(given: T | Awaitable[T]) -> T:
    return await given if inspect.isawaitable(given) else given


def _tags(id: str, own: object) -> tuple[str, ...]:
    if isinstance(own, str) or not isinstance(own, list | tuple | set | frozenset):
        raise InvalidTags(f"get_connection_tags gave {own!r}: give a list of str")
    tags = tuple(dict.fromkeys([id, *own]))
    if len(tags) > _MOST_TAGS:
        raise InvalidTags(f"a connection has {_MOST_TAGS - 1} tags besides its id at most, not {len(own)}")
    for tag in tags:
        if not isinstance(tag, str) or not 1 <= len(tag) <= _LONGEST_TAG:
            raise InvalidTags(
                f"{tag!r} is no tag of a connection: give a str of 1 to {_LONGEST_TAG} characters"
            )
    return tags
