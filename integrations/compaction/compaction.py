"""Compaction as the one setting of a chat: `ChatAgent.compaction = Compaction(at=0.75)`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integrations.compaction.asking import Asking
from integrations.compaction.commit import commit
from integrations.compaction.message import from_wire
from integrations.compaction.outcome import Compacted, CompactionIneffective, FellShort, Outcome, Unchanged
from integrations.compaction.overlay import Overlay
from integrations.compaction.plan import Plan, plan
from integrations.compaction.registry import OVERLAY, Registry
from integrations.compaction.settings import Settings
from integrations.compaction.summarising import summarised
from integrations.compaction.summary import Summarise
from integrations.compaction.units import group

if TYPE_CHECKING:  # loaded when a chat uses it
    from agents_sdk import ModelMessage, Notes, Shortened

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction(Settings):
    """Settings of context compaction, for `compact` in a workflow, or as they are for a chat.

    In a chat, `turn.prompt()` gives what the model is to be given. The transcript stays whole; the overlay,
    and what a `Registry` holds, are kept with it.
    """

    summarise: Summarise | None = None
    """Asks for a summary; by default the model that `OPENAI_MODEL` and the rest of the environment name."""
    delays: tuple[float, ...] = (1.0, 5.0)
    """Seconds before each further attempt of a chat to get a summary, or longer where the server asks so."""

    async def shorten(
        self, messages: Sequence[ModelMessage], notes: Notes, *, overhead: int = 0
    ) -> Shortened:
        """The prompt of one turn: at most one compaction, whose summary is kept before it is used.

        Raises `CompactionIneffective` when the messages cannot be made to fit into the window, and
        `ModelNotConfigured` when there is no model to summarise.
        """
        from agents_sdk import Shortened

        asking = Asking(self.summarise, notes, self.delays)
        asking.check()
        history = from_wire(messages)
        registry = Registry(notes)
        kept, carried = await registry.overlay(), await registry.carried()
        fits = await asyncio.to_thread(lambda: kept.fits(group(history)))
        overlay = kept if fits else Overlay()
        try:
            planned = await asyncio.to_thread(
                lambda: plan(history, settings=self, overlay=overlay, overhead=overhead, carried=carried)
            )
        except CompactionIneffective as error:
            planned = _while_it_fits(error, self.room(overhead).limit)
        outcome = await self._outcome(planned, asking)
        if outcome.overlay != kept:
            await notes.put({OVERLAY: outcome.overlay.model_dump(mode="json"), **asking.forget()})
        return Shortened(
            [{"id": message.id, **message.wire()} for message in outcome.messages], outcome.tokens
        )

    async def _outcome(self, planned: Plan | Unchanged | FellShort, asking: Asking) -> Outcome:
        if not isinstance(planned, Plan):
            return planned
        outcome: Compacted | FellShort
        if planned.request is None:
            outcome = commit(planned)
        else:
            try:
                outcome = commit(planned, await summarised(planned, asking.ask))
            except Exception as error:  # noqa: BLE001  # whatever it raised, the conversation goes on
                outcome = commit(planned, failure=f"{type(error).__name__}: {error}")
                _logger.warning("no summary of a chat, a digest stands in: %s", outcome.overlay.failure)
        _logger.info("compacted a chat from %d to %d tokens", outcome.overlay.tokens_before, outcome.tokens)
        return outcome


def _while_it_fits(error: CompactionIneffective, limit: int) -> FellShort:
    """What frees nothing is not tried again, but a model can be asked until its window is full."""
    if error.outcome.tokens > limit:
        raise error
    _logger.warning("a chat is not compacted: %s", error)
    return error.outcome
