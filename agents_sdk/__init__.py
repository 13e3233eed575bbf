"""Addressable agents with state, SQL, schedules and WebSockets, which launch durable workflows."""

from agents_sdk.address import PathStep
from agents_sdk.agent import Agent
from agents_sdk.app import AgentsApp
from agents_sdk.callable import callable  # noqa: A004  # the original's name
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.chat.policy import Debounce
from agents_sdk.chat.turn import Answered, Recovery, Turn, TurnResult
from agents_sdk.children import Children
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from agents_sdk.current import Current, current_agent
from agents_sdk.directory import ListedAgent, SubAgent
from agents_sdk.errors import (
    Aborted,
    AgentError,
    InvalidAgent,
    InvalidChunk,
    InvalidItem,
    InvalidSchedule,
    InvalidState,
    InvalidTags,
    McpError,
    NotRunning,
    ReadonlyConnection,
    SqlError,
    StateUnreadable,
    TooDeep,
    UnknownAgent,
    UnknownMethod,
)
from agents_sdk.hook import AgentMethod
from agents_sdk.mcp import McpServer, McpServers, McpState
from agents_sdk.queue import Queue, QueueItem
from agents_sdk.schedule import Schedule, Schedules
from agents_sdk.sql import ident
from agents_sdk.state import Source
from agents_sdk.streaming import StreamingResponse

__all__ = [
    "Aborted",
    "Agent",
    "AgentError",
    "AgentMethod",
    "AgentsApp",
    "Answered",
    "ChatAgent",
    "Children",
    "Connection",
    "Connections",
    "Current",
    "Debounce",
    "InvalidAgent",
    "InvalidChunk",
    "InvalidItem",
    "InvalidSchedule",
    "InvalidState",
    "InvalidTags",
    "ListedAgent",
    "McpError",
    "McpServer",
    "McpServers",
    "McpState",
    "NotRunning",
    "PathStep",
    "Queue",
    "QueueItem",
    "ReadonlyConnection",
    "Recovery",
    "Schedule",
    "Schedules",
    "Source",
    "SqlError",
    "StateUnreadable",
    "StreamingResponse",
    "SubAgent",
    "TooDeep",
    "Turn",
    "TurnResult",
    "UnknownAgent",
    "UnknownMethod",
    "callable",
    "current_agent",
    "ident",
]
