"""Summaries of a chat: each is kept before it is used, so that a crash does not have it paid again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from integrations.compaction.model import summarise_with
from integrations.compaction.summary import Summarise, Summary, SummaryRequest
from integrations.llm import LLM, ModelNotConfigured, RetryLater

if TYPE_CHECKING:
    from agents_sdk import Notes

LONGEST_WAIT = 30.0  # seconds: somebody waits for the answer of the chat


class Asking:
    """For one plan; without a `summarise`, the model that the environment names is asked."""

    def __init__(self, summarise: Summarise | None, notes: Notes, delays: Sequence[float]) -> None:
        self._summarise = summarise
        self._notes = notes
        self._delays = delays
        self._kept: list[str] = []

    def check(self) -> None:
        """Raises when there is nobody to ask."""
        if self._summarise is None:
            try:
                LLM()
            except ModelNotConfigured as error:
                raise ModelNotConfigured(
                    "the compaction has no model to summarise with: give "
                    f"Compaction(summarise=summarise_with(llm)), or a model by the environment ({error})"
                ) from error

    async def ask(self, name: str, request: SummaryRequest) -> Summary:
        """The summary that is kept for this request, or a new one, which is kept when this returns."""
        digest = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
        key = f"summary {name} {digest[:16]}"
        kept = await self._notes.get(key)
        if kept is None:
            summary = await self._asked(request)
            await self._notes.put({key: summary.model_dump(mode="json")})
        else:
            summary = Summary.model_validate(kept)
        self._kept.append(key)
        return summary

    def forget(self) -> dict[str, None]:
        """Notes that delete the summaries, as they have been used."""
        return dict.fromkeys(self._kept)

    async def _asked(self, request: SummaryRequest) -> Summary:
        for delay in self._delays:
            try:
                return await self._once(request)
            except RetryLater as error:
                wait = max(delay, error.retry_after or 0.0)
                if wait > LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)
        return await self._once(request)

    async def _once(self, request: SummaryRequest) -> Summary:
        if self._summarise is not None:
            return await self._summarise(request)
        async with LLM() as llm:
            return await summarise_with(llm)(request)
