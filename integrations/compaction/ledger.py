"""Which files and ids the conversation touched, read from its tool calls: summaries lose track of them."""

from collections.abc import Collection, Iterable, Mapping

from integrations.compaction.message import Call, Message
from integrations.compaction.settings import Touch
from integrations.value import Value

PATH_ARGUMENTS = ("path", "file_path", "filename", "file")
SHOWN = 200  # of each kind, the newest
LONGEST_ID = 200  # characters; what is longer is no id


class Ledger(Value):
    """Each once, in the order in which it was first touched; a changed file is not listed as read."""

    read: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    """Values of the arguments that the settings name, as `order_id=4711`."""

    def describe(self) -> str:
        """Lines for the model; nothing when nothing was touched."""
        lines = (
            _line("Files read", self.read),
            _line("Files changed", self.changed),
            _line("Used in tool calls", self.named),
        )
        return "\n".join(filter(None, lines))


def ledger(
    messages: Iterable[Message],
    tools: Mapping[str, Touch],
    arguments: Collection[str] = (),
    *,
    before: Ledger | None = None,
) -> Ledger:
    """The files that calls of these tools name, and what calls of any tool say for these arguments.

    What is in the ledger `before` stays, also when its messages are gone.
    """
    before = before or Ledger()
    files: dict[str, Touch] = dict.fromkeys(before.read, "read")
    files |= dict.fromkeys(before.changed, "changed")
    named = dict.fromkeys(before.named)
    for call in (call for message in messages for call in message.calls):
        path = path_of(call) if call.tool in tools else None
        if path is not None and files.get(path) != "changed":
            files[path] = tools[call.tool]
        named |= dict.fromkeys(_named(call, arguments))
    return Ledger(
        read=tuple(path for path, touch in files.items() if touch == "read"),
        changed=tuple(path for path, touch in files.items() if touch == "changed"),
        named=tuple(named),
    )


def path_of(call: Call) -> str | None:
    """The file that a call names."""
    given = call.given
    return next((path for name in PATH_ARGUMENTS if isinstance(path := given.get(name), str)), None)


def _named(call: Call, arguments: Collection[str]) -> Iterable[str]:
    for name, value in call.given.items():
        if name in arguments and isinstance(value, str | int) and len(str(value)) <= LONGEST_ID:
            yield f"{name}={value}"


def _line(title: str, paths: tuple[str, ...]) -> str:
    if not paths:
        return ""
    more = f" (and {len(paths) - SHOWN} older)" if len(paths) > SHOWN else ""
    return f"{title}{more}: {', '.join(paths[-SHOWN:])}"
