"""A run of a sub-agent as users see it, and as it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from agents_sdk.checksum import checksum, joined

__all__ = ["Row", "ToolRun", "ToolRunStatus", "asked_crc", "ended_crc"]

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


_DAMAGE = 'the record of the run "{}" is damaged: restore the file from a backup'


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
    agent: int
    created: float
    crc: int | None
    came_to: int | None
    damaged: bool = False
    lost: bool = False
    """It is not known any more what was asked for."""

    def believed(self) -> Row:
        """Itself; one that the disk has changed has failed, and has nothing that could be another's."""
        asked = (self.agent, self.id, self.cls, self.call, self.input, self.on_finish, self.created)
        lost = self.crc not in (None, asked_crc(self.preview, self.display, *asked))
        ended = (self.id, self.status, self.summary, self.error)
        if not lost and self.came_to in (None, ended_crc(self.chunks, *ended)) and _is_known(self.status):
            return self
        row = self._replace(
            status="error", error=_DAMAGE.format(self.id), chunks=None, summary=None, damaged=True
        )
        return row._replace(preview=None, display=None, call=None, on_finish=None, lost=True) if lost else row

    @property
    def run(self) -> ToolRun:
        """What users get of it."""
        return ToolRun(self.id, self.cls, self.status, self.call, self.summary, self.error)


def asked_crc(
    preview: bytes | None,
    display: bytes | None,
    agent: int,
    id: str,
    cls: str,
    call: str | None,
    input: str,  # noqa: A002  # the column
    on_finish: str | None,
    created: float,
) -> int:
    """The checksum of what was asked for, and of who has."""
    shown = joined(preview, display, input.encode())
    return checksum(shown, agent, id, cls, call, on_finish, float(created))


def ended_crc(chunks: bytes | None, id: str, status: str, summary: str | None, error: str | None) -> int:
    """The checksum of how a run has ended."""
    return checksum(joined(chunks, None if summary is None else summary.encode()), id, status, error)


def _is_known(status: str) -> bool:
    return status in get_args(ToolRunStatus)
