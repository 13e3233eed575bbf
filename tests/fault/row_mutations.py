"""Every look at a checksum, left out one by one; and a test that notices. For `mutated`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from agents_sdk import directory
from agents_sdk.agent_tools import run
from agents_sdk.chat import rows as chat
from agents_sdk.fibers import fiber
from agents_sdk.mcp import servers
from agents_sdk.queue import item
from agents_sdk.streams import rows as agent_streams
from agents_sdk.workflow import tracking
from workflows import entry
from workflows.sqlite import chunks, intact, tables
from workflows.streams import stream
from workflows.timers import table

__all__ = ["ROW_MUTATIONS", "Unlooked", "Whatever"]


class Whatever(int):
    """Equal to every checksum."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __add__(self, other: object) -> Whatever:
        return self


class _Anything:
    def __contains__(self, word: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter([Whatever(1)])


@dataclass(frozen=True, slots=True)
class Unlooked:
    """A check that is left out: where it stands, by what it is replaced, which tests turn red."""

    place: ModuleType | type
    name: str
    instead: object
    test: str
    keyword: str

    def __call__(self) -> None:
        """From now on nobody looks."""
        assert self.name in vars(self.place)
        setattr(self.place, self.name, self.instead)


def _equal(*_: object) -> Whatever:
    return Whatever(1)


def _whole(*_: object) -> bool:
    return True


def _every(*_: object) -> _Anything:
    return _Anything()


def _bodies(rows: Sequence[Any], *_: object) -> list[bytes]:
    return [body for _seq, body, _crc in rows]


def _alone_but(*what: str) -> Callable[..., Any]:
    """Does not look at the only row of these."""
    look = vars(chat)["alone"]

    def alone(rows: Sequence[Any], said: str, *whose: str | float) -> Any:
        if rows and said.startswith(what):
            return rows[0][:-1]
        return look(rows, said, *whose)

    return alone


_AGENTS, _LINKS = "tests/fault/test_agent_rows.py", "tests/fault/test_link_rows.py"
_ROWS = "tests/fault/test_rows.py"
_DAMAGED = "tests/workflows/test_damaged.py"
_NO_DUE = SimpleNamespace(pack=lambda *_: b"")
_NO_CRC = SimpleNamespace(crc32=_equal)

ROW_MUTATIONS: dict[str, Unlooked] = {
    "born": Unlooked(intact, "born", _equal, _ROWS, "flipped_instance and params"),
    "became": Unlooked(intact, "became", _equal, _ROWS, "flipped_instance and output"),
    "event": Unlooked(tables, "event_crc", _equal, _ROWS, "flipped_event and payload"),
    "step": Unlooked(entry.Entry, "checksum", _equal, _DAMAGED, "only_the_damaged and result"),
    "due": Unlooked(entry, "_DUE", _NO_DUE, _LINKS, "flipped_due"),
    "timer": Unlooked(table, "_checksum", _equal, _ROWS, "flipped_timer and method"),
    "part": Unlooked(chunks, "_checksum", _equal, _ROWS, "flipped_part and data"),
    "result": Unlooked(stream, "zlib", _NO_CRC, _DAMAGED, "result_that_is_a_stream"),
    "state": Unlooked(directory, "is_whole", _whole, _ROWS, "flipped_state"),
    "chunk": Unlooked(agent_streams, "is_whole", _whole, _ROWS, "flipped_chunk and value"),
    "item": Unlooked(item, "crc_of", _equal, _ROWS, "flipped_item and payload"),
    "message": Unlooked(chat, "is_whole", _whole, _ROWS, "flipped_message and body"),
    "turn": Unlooked(chat, "turn_crc", _equal, _AGENTS, "flipped_turn and kind"),
    "answer": Unlooked(chat, "in_order", _bodies, _AGENTS, "flipped_turn and chat_chunk and body"),
    "request": Unlooked(chat, "alone", _alone_but("the last"), _AGENTS, "flipped_turn and chat_context"),
    "clear": Unlooked(chat, "alone", _alone_but("what was"), _AGENTS, "flipped_turn and chat_cleared"),
    "note": Unlooked(chat, "alone", _alone_but("the note"), _AGENTS, "flipped_note"),
    "fiber": Unlooked(fiber, "crc_of", _equal, _AGENTS, "flipped_fiber and metadata"),
    "snapshot": Unlooked(fiber, "is_whole", _whole, _AGENTS, "flipped_fiber and snapshot"),
    "status of a fiber": Unlooked(fiber, "get_args", _every, _AGENTS, "status_that_there_is_not"),
    "run": Unlooked(run, "asked_crc", _equal, _AGENTS, "flipped_run and input"),
    "end of a run": Unlooked(run, "ended_crc", _equal, _AGENTS, "flipped_run and summary"),
    "status of a run": Unlooked(run, "_is_known", _whole, _AGENTS, "under_way_with_a_status"),
    "MCP server": Unlooked(servers, "is_whole", _whole, _LINKS, "flipped_mcp_server and url"),
    "link": Unlooked(tracking, "_crc_of", _equal, _LINKS, "flipped_link and metadata"),
    "what is heard": Unlooked(tracking, "get_args", _every, _LINKS, "flipped_link and reported"),
}
"""By the row that nobody looks at."""
