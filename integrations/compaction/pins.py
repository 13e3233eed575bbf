"""What no compaction may summarise or shorten."""

from collections.abc import Collection, Sequence

from integrations.compaction.message import Message
from integrations.compaction.units import Unit, flat


def verbatim(units: Sequence[Unit], *, pinned: Collection[str], pin_task: bool) -> frozenset[str]:
    """The ids of the messages that stay word for word: instructions, the task, the last request, and pins."""
    messages = flat(units)
    requests = [message.id for message in messages if is_request(message)]
    instructions = [message.id for message in messages if message.role in ("system", "developer")]
    task = requests[:1] if pin_task else []
    return frozenset([*instructions, *task, *requests[-1:], *pinned])


def pinned_units(units: Sequence[Unit], verbatim: Collection[str]) -> frozenset[str]:
    """The units that stay: with a verbatim message, or with a call whose result may still come."""
    return frozenset(
        unit.id for unit in units if unit.filled or any(message.id in verbatim for message in unit.messages)
    )


def is_request(message: Message) -> bool:
    """A user wrote it: not only tool results in a user message."""
    return message.role == "user" and (not message.answers or bool(message.text))
