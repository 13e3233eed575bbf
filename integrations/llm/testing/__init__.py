"""A model that says what it is told to: a real HTTP server on loopback that speaks Chat Completions.

async with ScriptedModel(["Hello", ErrorReply(429, headers={"retry-after": "7"})]) as model:
    llm = LLM("scripted", base_url=model.url)
"""

from __future__ import annotations

from integrations.llm.testing.replies import Asked, ErrorReply, RawReply, Reply, Script
from integrations.llm.testing.server import ScriptedModel

__all__ = ["Asked", "ErrorReply", "RawReply", "Reply", "Script", "ScriptedModel"]
