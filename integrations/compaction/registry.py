"""What the program carries past every summary of a chat, kept with the chat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from integrations.compaction.carried import Carried, Rule
from integrations.compaction.overlay import Overlay

if TYPE_CHECKING:
    from agents_sdk import Notes

OVERLAY = "overlay"
CARRIED = "carried"


class Registry:
    """Standing rules, facts, the task and the todo list of a chat: `Registry(agent.chat_notes)`.

    Whatever it holds stays until it is taken out, or the chat is cleared; changes are durable when they
    return. One change at a time: they are read and written as one whole.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def carried(self) -> Carried:
        """All of it."""
        kept = await self._notes.get(CARRIED)
        return Carried() if kept is None else Carried.model_validate(kept)

    async def overlay(self) -> Overlay:
        """The last compaction: its summary, what it covers, what it took and cost."""
        kept = await self._notes.get(OVERLAY)
        return Overlay() if kept is None else Overlay.model_validate(kept)

    async def add(self, rules: Iterable[Rule] = (), *, facts: Iterable[str] = ()) -> None:
        """More rules and facts; one that it has already is not added again."""
        now = await self.carried()
        known = {rule.text for rule in now.rules}
        new = {rule.text: rule for rule in rules if rule.text not in known}
        await self._keep(
            now.model_copy(
                update={
                    "rules": (*now.rules, *new.values()),
                    "facts": tuple(dict.fromkeys([*now.facts, *facts])),
                }
            )
        )

    async def remove(self, text: str) -> None:
        """A rule or a fact holds no more."""
        now = await self.carried()
        rules = tuple(rule for rule in now.rules if rule.text != text)
        facts = tuple(fact for fact in now.facts if fact != text)
        await self._keep(now.model_copy(update={"rules": rules, "facts": facts}))

    async def work(self, task: str, todos: Sequence[str] = ()) -> None:
        """What is being done now, and what is left to do."""
        now = await self.carried()
        await self._keep(now.model_copy(update={"task": task, "todos": tuple(todos)}))

    async def _keep(self, carried: Carried) -> None:
        await self._notes.put({CARRIED: carried.model_dump(mode="json")})
