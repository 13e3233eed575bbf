"""How often a server may be asked: a limit per minute that all who use a key share, in the engine's file."""

from __future__ import annotations

from integrations.llm.limiter.limit import LONGEST_WAIT, Limit

__all__ = ["LONGEST_WAIT", "Limit"]
