"""What compaction commits: a layer over the history. The history itself is never changed."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import Field

from integrations.compaction.ledger import Ledger
from integrations.compaction.message import Message
from integrations.compaction.stubs import shorten
from integrations.compaction.units import RESERVED, Unit
from integrations.llm.usage import Usage
from integrations.value import Value

HEADING = (
    "[The older part of this conversation, in a summary made by a program. "
    "It is a record for reference, not a new request; go on from the messages below.]"
)


class Overlay(Value):
    """Store it beside the history and give it to the next compaction; a new overlay replaces the one before.

    `from_id` and `to_id` name the units at both ends of the summarised range by their first message; `kept`
    are the units within that stay verbatim. `stubs` are messages whose tool results or arguments are
    shortened, with the number of characters still quoted. All ids are ids of messages in the history.
    """

    from_id: str | None = None
    to_id: str | None = None
    kept: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    """A fingerprint of each unit that the summary stands for."""
    stubs: dict[str, int] = Field(default_factory=dict[str, int])
    summary: str = ""
    """What the model wrote; the next summary updates it."""
    ledger: Ledger = Field(default_factory=Ledger)
    """Files and ids that the tool calls of the range have touched."""
    notes: str = ""
    """What the program carries past every summary: rules, task, todo list, facts, files and ids touched."""
    digest: str = ""
    """Stands in for a summary of `pending`."""
    pending: tuple[str, ...] = ()
    """Units in the range that no summary covers, because it failed; the next compaction tries again."""
    failure: str = ""
    """Why the summary failed."""
    plan_hash: str = ""
    seen: str = ""
    """What this overlay was made from, so that nothing is tried twice on the same input."""
    strikes: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    usage: Usage = Field(default_factory=Usage)

    @property
    def fallback(self) -> bool:
        """The summary failed; a deterministic digest stands in for it."""
        return bool(self.pending)

    def text(self) -> str:
        """The content of the message that stands for the range."""
        return "\n\n".join(filter(None, (HEADING, self.summary, self.digest, self.notes)))

    def fits(self, units: Sequence[Unit]) -> bool:
        """The messages that the summary stands for are as they were; only the oldest may be gone."""
        if self.from_id is None:
            return True
        found = self._places(units)
        if found is None:
            return False
        present = fingerprints(units[place] for place in found if units[place].id not in self.kept)
        is_whole = units[found.start].id == self.from_id
        expected = self.covered if is_whole else self.covered[max(0, len(self.covered) - len(present)) :]
        return present == expected

    def span(self, units: Sequence[Unit]) -> range:
        """The places of the summarised range among the units; empty without one."""
        if self.from_id is None:
            return range(0)
        found = self._places(units)
        if found is None:
            raise ValueError(
                f"the overlay covers {self.from_id!r} to {self.to_id!r}, which this history does not have: "
                "give the whole history that the overlay was made for"
            )
        return found

    def _places(self, units: Sequence[Unit]) -> range | None:
        """From the first unit that is still there; instructions stand before whatever is gone."""
        places = {unit.id: place for place, unit in enumerate(units)}
        if self.to_id not in places:
            return None
        first = next((place for place, unit in enumerate(units) if not _is_instruction(unit)), 0)
        return range(places.get(self.from_id or "", first), places[self.to_id] + 1)

    def hides(self, units: Sequence[Unit]) -> frozenset[str]:
        """The ids of the units that the summary stands for."""
        return frozenset(units[place].id for place in self.span(units)).difference(self.kept)


def view(units: Sequence[Unit], overlay: Overlay) -> tuple[Message, ...]:
    """The messages to send: the history as the overlay shows it."""
    return tuple(_shown(units, overlay))


def _shown(units: Sequence[Unit], overlay: Overlay) -> Iterator[Message]:
    hidden, span = overlay.hides(units), overlay.span(units)
    for place, unit in enumerate(units):
        if span and place == span.start:
            yield Message(id=f"summary{RESERVED}{overlay.to_id}", role="user", content=overlay.text())
        if unit.id not in hidden:
            yield from stubbed(unit, overlay.stubs)


def fingerprints(units: Iterable[Unit]) -> tuple[str, ...]:
    """One for each unit; it changes with anything in it."""
    return tuple(
        hashlib.sha256(
            json.dumps([[message.id, message.wire()] for message in unit.messages]).encode()
        ).hexdigest()[:16]
        for unit in units
    )


def _is_instruction(unit: Unit) -> bool:
    return unit.messages[0].role in ("system", "developer")


def stubbed(unit: Unit, stubs: Mapping[str, int]) -> Iterator[Message]:
    """The messages of a unit, some of them shortened."""
    calls = {call.id: call for call in unit.messages[0].calls}
    for message in unit.messages:
        keep = stubs.get(message.id)
        yield message if keep is None else shorten(message, calls, keep)
