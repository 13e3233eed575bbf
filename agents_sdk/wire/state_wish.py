"""A client wishes another state."""

from __future__ import annotations

import logging
from typing import Any

from agents_sdk import protocol
from agents_sdk.agent import Agent
from agents_sdk.connection import Connection
from agents_sdk.errors import ReadonlyConnection

__all__ = ["take"]

_log = logging.getLogger(__name__)


async def take(agent: Agent[Any, Any], connection: Connection, wish: protocol.StateChange) -> None:
    """Changes the state, or tells that it was refused, and not why."""
    try:
        await agent.ctx.state.replace(wish.state, connection)
    except ReadonlyConnection as error:
        _refuse(connection, str(error))
    except Exception as error:  # noqa: BLE001  # the client learns that, not why
        _log.warning(
            '%s "%s" refused a state of connection %s: %s',
            type(agent).__name__, agent.name, connection.id, error,
        )  # fmt: skip
        _refuse(connection, "State update rejected")


def _refuse(connection: Connection, text: str) -> None:
    connection.send(protocol.encode(protocol.StateError(error=text)))
