"""Every error that this package raises.

AgentError                 the root: `except AgentError` catches all of them
├── InvalidAgent           a class cannot serve as an agent of this app
├── NotRunning             the app is not started, or is stopping
│   └── Aborted            what was under way in an agent was cut off
├── UnknownAgent           the app was not given this class
├── TooDeep                a sub-agent would be nested too deep
├── TooMany                a client has made as much as it may have
├── UnknownMethod          a schedule names something that is not a public method of the class
├── InvalidSchedule        when, payload or method do not fit (also a ValueError)
├── InvalidChunk           what an answer of a chat, or a stream, holds is no chunk (also a ValueError)
├── InvalidFiber           id, key, snapshot, metadata or end of a fiber do not fit (also a ValueError)
├── InvalidItem            method, payload or id of an item for the queue do not fit (also a ValueError)
├── InvalidTags            what `get_connection_tags` gave cannot be tags (also a ValueError)
├── ReadonlyConnection     the state was to be changed for a connection that may not
├── InvalidState           a state that does not fit the State type, or is not JSON (also a ValueError)
├── StateUnreadable        the stored state does not fit the State type of this code
├── McpError               an MCP server cannot be used, or says that a request failed
├── AlreadyTracked         the agent has started a workflow with this id
├── NotTracked             the agent has not started a workflow with this id
├── InvalidMetadata        what JSON cannot hold (also a ValueError)
├── InvalidCriteria        a list of workflows was asked for wrongly (also a ValueError)
├── NoAgent                no agent has started this instance, or it was destroyed (also a NonRetryableError)
├── WorkflowRejectedError  what was waited for was not approved
├── StreamError            a stream of an agent has ended, has failed, or was deleted
└── SqlError               `self.sql` failed
"""

from __future__ import annotations

from workflows import NonRetryableError

__all__ = [
    "Aborted",
    "AgentError",
    "AlreadyTracked",
    "InvalidAgent",
    "InvalidChunk",
    "InvalidCriteria",
    "InvalidFiber",
    "InvalidItem",
    "InvalidMetadata",
    "InvalidSchedule",
    "InvalidState",
    "InvalidTags",
    "McpError",
    "NoAgent",
    "NotRunning",
    "NotTracked",
    "ReadonlyConnection",
    "SqlError",
    "StateUnreadable",
    "StreamError",
    "TooDeep",
    "TooMany",
    "UnknownAgent",
    "UnknownMethod",
    "WorkflowRejectedError",
]


class AgentError(Exception):
    """The root of all errors of `agents_sdk`."""


class InvalidAgent(AgentError):
    """A class cannot serve as an agent of this app."""


class NotRunning(AgentError):
    """The app is not started, or is stopping."""


class Aborted(NotRunning):
    """What was under way in an agent was cut off, by its parent or at its end; the message says why."""


class TooDeep(AgentError):
    """A sub-agent would be nested too deep."""


class TooMany(AgentError):
    """The client for which the code works has made as many agents, schedules or instances as it may have."""

    def __init__(self, kind: str, most: int) -> None:
        super().__init__(f"there are {most:,} {kind} already, and may be no more: Limits({kind}=…) says so")


class UnknownAgent(AgentError):
    """The app was not given this class."""


class UnknownMethod(AgentError):
    """A schedule names something that is not a public method of the agent's class."""


class InvalidSchedule(AgentError, ValueError):
    """The time, the payload or the method of a schedule do not fit."""


class InvalidFiber(AgentError, ValueError):
    """The id, the key, the snapshot, the metadata or the end of a fiber do not fit."""


class InvalidItem(AgentError, ValueError):
    """The method, the payload or the id of an item for the queue do not fit."""


class InvalidToolRun(AgentError, ValueError):
    """The class, the id or the callback of a run of a sub-agent do not fit."""


class InvalidState(AgentError, ValueError):
    """A state that does not fit the State type, or that JSON cannot hold exactly."""


class InvalidChunk(AgentError, ValueError):
    """An answer of a chat holds what is no chunk of the AI SDK; or a stream what JSON cannot hold."""


class InvalidTags(AgentError, ValueError):
    """What `get_connection_tags` gave cannot be the tags of a connection."""


class ReadonlyConnection(AgentError):
    """The state was to be changed for a connection that may not; the message is the one that clients get."""

    def __init__(self) -> None:
        super().__init__("Connection is readonly")


class StateUnreadable(AgentError):
    """The stored state is damaged, or does not fit the State type of this code; it is kept as it is."""


class McpError(AgentError):
    """An MCP server cannot be used, or it says that a request failed."""


class AlreadyTracked(AgentError):
    """The agent has started a workflow with this id."""

    def __init__(self, id: str) -> None:
        super().__init__(f'Workflow with ID "{id}" is already being tracked')


class NotTracked(AgentError):
    """The agent has not started a workflow with this id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"Workflow {id} not found in tracking table")


class InvalidMetadata(AgentError, ValueError):
    """The metadata of a workflow are not JSON, or too large."""


class InvalidCriteria(AgentError, ValueError):
    """A list of workflows was asked for with a status, limit, order or cursor that there is not."""


class NoAgent(AgentError, NonRetryableError):
    """No agent has started this instance, or the one that did was destroyed, or its record is damaged."""


class WorkflowRejectedError(AgentError):
    """What a workflow waited for was not approved; `reason` is what was said."""

    def __init__(self, reason: str | None = None, workflow_id: str | None = None) -> None:
        super().__init__(f"Workflow rejected: {reason}" if reason else "Workflow rejected")
        self.reason = reason
        self.workflow_id = workflow_id


class StreamError(AgentError):
    """A stream of an agent has ended, has failed, or was deleted."""


class SqlError(AgentError):
    """A statement of `self.sql` failed; `query` is its text."""

    def __init__(self, query: str, reason: str) -> None:
        super().__init__(query, reason)
        self.query = query
        self.reason = reason

    def __str__(self) -> str:
        return f"SQL query failed: {self.reason}; the query was: {self.query}"
