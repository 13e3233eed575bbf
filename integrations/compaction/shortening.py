"""Compaction where a model call or an agent loop asks for shorter messages: `shorten=`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integrations.compaction.carried import Carried
from integrations.compaction.compact import compact
from integrations.compaction.message import from_wire
from integrations.compaction.outcome import CompactionIneffective, Outcome
from integrations.compaction.overlay import Overlay
from integrations.compaction.settings import Settings
from integrations.compaction.summary import Summarise
from integrations.llm import Message
from integrations.tokens import counter_for, message_tokens
from workflows import Duration, RetryOptions, WorkflowStep

FITS = 0.9  # of what did not fit


class Shortening:
    """The messages of one conversation, compacted: make one in `run()`, it holds the history of that run.

    `when_due` is for an agent loop, before each of its requests; `when_too_long` for a model call that the
    server has refused. Both give the messages as they were while nothing is to be done.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        summarise: Summarise,
        carried: Carried | None = None,
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
    ) -> None:
        self._settings = settings
        self._summarise = summarise
        self.carried = carried or Carried()
        """What is carried past the next summary."""
        self._retries = retries
        self._timeout = timeout
        self._history: list[Message] = []
        self._shown: list[Message] = []
        self.overlay = Overlay()
        """The last compaction."""

    async def when_due(self, step: WorkflowStep, messages: Sequence[Message]) -> list[Message]:
        """At most one compaction; what frees nothing is left, as long as the window is not full."""
        self._take(messages)
        try:
            outcome = await self._compact(step, self._settings)
        except CompactionIneffective as error:
            if error.outcome.tokens > self._settings.room(0).limit:
                raise
            outcome = error.outcome
        return self._show(outcome)

    async def when_too_long(self, step: WorkflowStep, messages: Sequence[Message]) -> list[Message]:
        """The window is smaller than it was taken for: raises `CompactionIneffective` when nothing helps."""
        self._take(messages)
        count = self._settings.counter or counter_for()
        taken = sum(message_tokens(message, count) for message in messages)
        limit = max(1, min(int(taken * FITS), self._settings.room(0).limit))
        narrow = replace(self._settings, window=limit + self._settings.reserve)
        return self._show(await self._compact(step, narrow))

    async def _compact(self, step: WorkflowStep, settings: Settings) -> Outcome:
        return await compact(
            step,
            from_wire(self._history),
            summarise=self._summarise,
            settings=settings,
            overlay=self.overlay,
            carried=self.carried,
            retries=self._retries,
            timeout=self._timeout,
        )

    def _take(self, messages: Sequence[Message]) -> None:
        """What follows what was given last, or follows the history; else it is another conversation."""
        given = [*messages]
        for known in (self._shown, self._history):
            if given[: len(known)] == known:
                self._history += given[len(known) :]
                return
        self._history, self.overlay = given, Overlay()

    def _show(self, outcome: Outcome) -> list[Message]:
        self.overlay = outcome.overlay
        self._shown = [message.wire() for message in outcome.messages]
        return [*self._shown]
