"""Context compaction: long conversations that stay within a model's window, and lose nothing for good."""

from integrations.compaction.carried import Carried, Rule
from integrations.compaction.commit import commit
from integrations.compaction.compact import compact
from integrations.compaction.compaction import Compaction
from integrations.compaction.extract import extract_rules, find_rules
from integrations.compaction.ledger import Ledger
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
from integrations.compaction.redact import redacted
from integrations.compaction.registry import Registry
from integrations.compaction.settings import Settings
from integrations.compaction.shortening import Shortening
from integrations.compaction.stubs import READ_HISTORY, read_history
from integrations.compaction.summary import Summarise, Summary, SummaryRequest

__all__ = (
    "READ_HISTORY",
    "Carried",
    "Compacted",
    "Compaction",
    "CompactionIneffective",
    "FellShort",
    "Function",
    "Ledger",
    "Message",
    "Outcome",
    "Overlay",
    "Plan",
    "Reason",
    "Registry",
    "Rule",
    "Settings",
    "Shortening",
    "Summarise",
    "Summary",
    "SummaryRequest",
    "ToolCall",
    "Unchanged",
    "commit",
    "compact",
    "extract_rules",
    "find_rules",
    "from_wire",
    "plan",
    "read_history",
    "redacted",
    "summarise_with",
)
