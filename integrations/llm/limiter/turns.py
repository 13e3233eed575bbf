"""Who may ask next: turns that are planned, and requests of the last minute, as rows.

Whoever has to wait gets a turn: an instant, behind all who have asked before. It comes back then; when the
minute before is still full, as others came late or took more, its turn moves, and those behind it with it. A
turn that nobody takes is forgotten after two minutes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from integrations.llm.limiter.limit import WINDOW, Limit
from workflows import Operation

__all__ = ["Admitted", "Later", "admit", "close_until", "correct"]

_ABANDONED = 120.0

_FORGET_SENT = "DELETE FROM llm_sent WHERE name = ? AND at <= ?"
_FORGET_TURNS = "DELETE FROM llm_turn WHERE name = ? AND at < ? AND key != ?"
_TAKE = """
INSERT INTO llm_turn(id, name, key, at, tokens) VALUES(?, ?, ?, ?, ?)
ON CONFLICT(name, key) DO UPDATE SET tokens = excluded.tokens RETURNING id
"""
_CLOSED = "SELECT until FROM llm_closed WHERE name = ?"
_BEFORE = "SELECT max(at) FROM llm_turn WHERE name = ? AND id < ?"
_TAKEN = """
SELECT at, tokens FROM llm_sent WHERE name = :name
UNION ALL SELECT at, tokens FROM llm_turn WHERE name = :name AND id < :turn ORDER BY at DESC
"""
_MOVE = "UPDATE llm_turn SET at = ? WHERE id = ?"
_LEAVE = "DELETE FROM llm_turn WHERE id = ?"
_SEND = "INSERT INTO llm_sent(name, at, tokens) VALUES(?, ?, ?) RETURNING id"
_CORRECT = "UPDATE llm_sent SET tokens = ? WHERE id = ?"
_CLOSE = """
INSERT INTO llm_closed(name, until) VALUES(?, ?)
ON CONFLICT(name) DO UPDATE SET until = max(until, excluded.until)
"""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The request may be made now; it is counted from now on."""

    turn: int
    sent: int


@dataclass(frozen=True, slots=True)
class Later:
    """Its turn is at an instant."""

    at: float


def admit(
    limit: Limit, name: str, key: str, *, tokens: int, now: float, turn: int | None = None
) -> Operation[Admitted | Later]:
    """Whether `key` may ask now; `turn` is one that it had before and has the right to again."""
    counted = limit.counted(tokens)

    def decide(connection: sqlite3.Connection) -> Admitted | Later:
        connection.execute(_FORGET_SENT, (name, now - WINDOW))
        connection.execute(_FORGET_TURNS, (name, now - _ABANDONED, key))
        [(mine,)] = connection.execute(_TAKE, (turn, name, key, now, counted)).fetchall()
        taken = connection.execute(_TAKEN, {"name": name, "turn": mine})
        at = max(now, _opens(connection, name, mine, limit.spacing(counted)), _room(limit, counted, taken))
        if at > now:
            connection.execute(_MOVE, (at, mine))
            return Later(at)
        connection.execute(_LEAVE, (mine,))
        [(sent,)] = connection.execute(_SEND, (name, now, counted)).fetchall()
        return Admitted(mine, sent)

    return decide


def correct(sent: int, tokens: int) -> Operation[object]:
    """What a request really took."""
    return lambda connection: connection.execute(_CORRECT, (tokens, sent)).rowcount


def close_until(name: str, key: str, turn: int, until: float) -> Operation[None]:
    """Nobody is admitted before `until`, as the server said; then `key` is the first that was there."""

    def close(connection: sqlite3.Connection) -> None:
        connection.execute(_CLOSE, (name, until))
        connection.execute(_TAKE, (turn, name, key, until, 0)).fetchall()

    return close


def _opens(connection: sqlite3.Connection, name: str, mine: int, spacing: float) -> float:
    """When those ahead have had their turns, and the server wants to be asked."""
    [(before,)] = connection.execute(_BEFORE, (name, mine)).fetchall()
    closed = connection.execute(_CLOSED, (name,)).fetchone()
    return max(closed[0] if closed else 0.0, 0.0 if before is None else before + spacing)


def _room(limit: Limit, tokens: int, taken: Iterable[tuple[float, int]]) -> float:
    """When the 60 seconds before have room for one more request; `taken` has the latest first."""
    total = tokens
    for requests, (at, used) in enumerate(taken, 1):
        total += used
        if requests == limit.requests_per_minute or total > (limit.tokens_per_minute or total):
            return at + WINDOW
    return 0.0
