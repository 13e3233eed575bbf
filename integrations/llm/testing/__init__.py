"""A model that says what it is told to: a real HTTP server on loopback, with Chat Completions and Responses.

async with ScriptedModel(["Hello", ErrorReply(429, headers={"retry-after": "7"})]) as model:
    llm = LLM("scripted", base_url=model.url)
"""

from __future__ import annotations

from integrations.llm.testing.replies import Asked, ErrorReply, FailedReply, RawReply, Reply, Script
from integrations.llm.testing.server import ScriptedModel

__all__ = ["Asked", "ErrorReply", "FailedReply", "RawReply", "Reply", "Script", "ScriptedModel"]
