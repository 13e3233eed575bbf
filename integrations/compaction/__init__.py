"""Context compaction: long conversations that stay within a model's window, and lose nothing for good."""

from integrations.compaction.commit import commit
from integrations.compaction.compact import compact
from integrations.compaction.message import Function, Message, ToolCall, from_wire
from integrations.compaction.model import summarise_with
from integrations.compaction.outcome import (
    Compacted,
    CompactionIneffective,
    FellShort,
    Outcome,
    Reason,
    Unchanged,
)
from integrations.compaction.overlay import Overlay
from integrations.compaction.plan import Plan, plan
from integrations.compaction.rules import Rule
from integrations.compaction.settings import Compaction
from integrations.compaction.stubs import READ_HISTORY, read_history
from integrations.compaction.summary import Summarise, Summary, SummaryRequest

__all__ = (
    "READ_HISTORY",
    "Compacted",
    "Compaction",
    "CompactionIneffective",
    "FellShort",
    "Function",
    "Message",
    "Outcome",
    "Overlay",
    "Plan",
    "Reason",
    "Rule",
    "Summarise",
    "Summary",
    "SummaryRequest",
    "ToolCall",
    "Unchanged",
    "commit",
    "compact",
    "from_wire",
    "plan",
    "read_history",
    "summarise_with",
)
