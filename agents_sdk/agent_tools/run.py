"""A run of a sub-agent as users see it, and as it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = ["Row", "ToolRun", "ToolRunStatus"]

ToolRunStatus: TypeAlias = Literal["starting", "running", "completed", "error", "aborted", "interrupted"]
"""`interrupted`: nobody knows how the sub-agent would have ended, as it was cut off for good."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What is known of a run; the sub-agent has its `run_id` as its name."""

    run_id: str
    agent_type: str
    """The name of the sub-agent's class."""
    status: ToolRunStatus
    parent_tool_call_id: str | None = None
    """The call of a tool in the parent's answer below which clients show it."""
    summary: str | None = None
    """The text of the sub-agent's answer, whole or as far as it came."""
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Nothing changes any more."""
        return self.status not in ("starting", "running")

    def as_payload(self) -> dict[str, Any]:
        """As `on_finish` is given it."""
        return asdict(self)


class Row(NamedTuple):
    """The columns, in the order in which they are read."""

    number: int
    id: str
    cls: str
    call: str | None
    input: str
    preview: bytes | None
    display: bytes | None
    status: ToolRunStatus
    chunks: bytes | None
    """The bodies of all chunks, a JSON array of str; None while it has not ended."""
    summary: str | None
    error: str | None
    on_finish: str | None
    owed: int

    @property
    def run(self) -> ToolRun:
        """What users get of it."""
        return ToolRun(self.id, self.cls, self.status, self.call, self.summary, self.error)
