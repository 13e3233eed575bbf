"""Tokens of messages, each counted once."""

from collections.abc import Iterable

from integrations.compaction.message import Message
from integrations.tokens import Counter, message_tokens


class Meter:
    """Counts messages and remembers: planning looks at the same ones many times."""

    def __init__(self, count: Counter) -> None:
        self.count = count
        # The message itself is kept, so that its id() cannot pass to another one.
        self._known: dict[int, tuple[Message, int]] = {}

    def tokens(self, messages: Iterable[Message]) -> int:
        """The sum over the messages."""
        return sum(map(self._one, messages))

    def _one(self, message: Message) -> int:
        known = self._known.get(id(message))
        if known is None:
            known = self._known[id(message)] = (message, message_tokens(message.wire(), self.count))
        return known[1]
