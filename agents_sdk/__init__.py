"""Addressable agents with state, SQL, schedules and WebSockets, which launch durable workflows."""

from agents_sdk.address import PathStep
from agents_sdk.agent import Agent
from agents_sdk.agent_method import AgentMethod
from agents_sdk.agent_tools import AgentTools, ToolRun, ToolRunStatus
from agents_sdk.app import AgentsApp
from agents_sdk.callable import (
    CallableMethod,
    callable,  # noqa: A004  # the original's name
)
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.chat.compacting import Compacting, Notes, Shortened
from agents_sdk.chat.policy import Debounce
from agents_sdk.chat.prompt import ModelMessage, model_messages
from agents_sdk.chat.turn import Answered, Recovery, Turn, TurnResult
from agents_sdk.children import Children
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from agents_sdk.current import Current, current_agent
from agents_sdk.directory import ListedAgent, SubAgent
from agents_sdk.errors import (
    Aborted,
    AgentError,
    AlreadyTracked,
    InvalidAgent,
    InvalidChunk,
    InvalidCriteria,
    InvalidFiber,
    InvalidItem,
    InvalidMetadata,
    InvalidSchedule,
    InvalidState,
    InvalidTags,
    InvalidToolRun,
    McpError,
    NoAgent,
    NotRunning,
    NotTracked,
    ReadonlyConnection,
    SqlError,
    StateUnreadable,
    StreamError,
    TooDeep,
    TooMany,
    UnknownAgent,
    UnknownMethod,
    WorkflowRejectedError,
)
from agents_sdk.fibers import Fiber, FiberContext, Fibers, FiberStatus
from agents_sdk.mcp import McpServer, McpServers, McpState
from agents_sdk.queue import Queue, QueueItem
from agents_sdk.schedule import Schedule, Schedules
from agents_sdk.sql import ident
from agents_sdk.state import Source
from agents_sdk.streams import StreamChunk, Streams, StreamStatus
from agents_sdk.wire.streaming import StreamingResponse
from agents_sdk.workflow.entrypoint import AgentWorkflow
from agents_sdk.workflow.step import AgentWorkflowStep
from agents_sdk.workflow.tracked import TrackedWorkflow, WorkflowPage
from agents_sdk.workflow.workflows import Workflows

__all__ = [
    "Aborted",
    "Agent",
    "AgentError",
    "AgentMethod",
    "AgentTools",
    "AgentWorkflow",
    "AgentWorkflowStep",
    "AgentsApp",
    "AlreadyTracked",
    "Answered",
    "CallableMethod",
    "ChatAgent",
    "Children",
    "Compacting",
    "Connection",
    "Connections",
    "Current",
    "Debounce",
    "Fiber",
    "FiberContext",
    "FiberStatus",
    "Fibers",
    "InvalidAgent",
    "InvalidChunk",
    "InvalidCriteria",
    "InvalidFiber",
    "InvalidItem",
    "InvalidMetadata",
    "InvalidSchedule",
    "InvalidState",
    "InvalidTags",
    "InvalidToolRun",
    "ListedAgent",
    "McpError",
    "McpServer",
    "McpServers",
    "McpState",
    "ModelMessage",
    "NoAgent",
    "NotRunning",
    "NotTracked",
    "Notes",
    "PathStep",
    "Queue",
    "QueueItem",
    "ReadonlyConnection",
    "Recovery",
    "Schedule",
    "Schedules",
    "Shortened",
    "Source",
    "SqlError",
    "StateUnreadable",
    "StreamChunk",
    "StreamError",
    "StreamStatus",
    "StreamingResponse",
    "Streams",
    "SubAgent",
    "TooDeep",
    "TooMany",
    "ToolRun",
    "ToolRunStatus",
    "TrackedWorkflow",
    "Turn",
    "TurnResult",
    "UnknownAgent",
    "UnknownMethod",
    "WorkflowPage",
    "WorkflowRejectedError",
    "Workflows",
    "callable",
    "current_agent",
    "ident",
    "model_messages",
]
