"""Who may ask next: turns that are planned, and requests of the last minute, as rows.

Whoever has to wait gets a turn: an instant, behind all who have asked before. It comes back then; when the
minute before is still full, as others came late or took more, its turn moves, and those behind it with it. A
turn that nobody takes is forgotten after two minutes. Turns are planned by what requests really take; whether
there is room is decided by what this one may take.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from integrations.llm.limiter.limit import WINDOW, Limit
from workflows import Operation

__all__ = ["Admitted", "Later", "admit", "close_until", "correct"]

_ABANDONED = 120.0
_LEAST_SHARE = 0.02

_FORGET_SENT = "DELETE FROM llm_sent WHERE name = ? AND at <= ?"
_FORGET_TURNS = "DELETE FROM llm_turn WHERE name = ? AND at < ? AND key != ?"
_TAKE = """
INSERT INTO llm_turn(id, name, key, at, tokens) VALUES(?, ?, ?, ?, ?)
ON CONFLICT(name, key) DO UPDATE SET tokens = excluded.tokens RETURNING id
"""
_CLOSED = "SELECT until FROM llm_closed WHERE name = ?"
_BEFORE = "SELECT max(at) FROM llm_turn WHERE name = ? AND id < ?"
_TAKEN = "SELECT at, tokens FROM llm_sent WHERE name = ? ORDER BY at DESC"
_PLANNED = """
SELECT at, tokens * 1.0 FROM llm_sent WHERE name = :name
UNION ALL SELECT at, tokens * :share FROM llm_turn WHERE name = :name AND id < :turn ORDER BY at DESC
"""
_SHARE = "SELECT sum(tokens) * 1.0 / sum(estimate) FROM llm_sent WHERE name = ? AND estimate > 0"
_MOVE = "UPDATE llm_turn SET at = ? WHERE id = ?"
_LEAVE = "DELETE FROM llm_turn WHERE id = ?"
_SEND = "INSERT INTO llm_sent(name, at, tokens) VALUES(?, ?, ?) RETURNING id"
_CORRECT = "UPDATE llm_sent SET estimate = tokens, tokens = ? WHERE id = ?"
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
        at = max(
            now, _sure(connection, limit, name, counted), _planned(connection, limit, name, counted, mine)
        )
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


def _sure(connection: sqlite3.Connection, limit: Limit, name: str, tokens: int) -> float:
    """When the server wants to be asked, and what was sent leaves room for all that the request may take."""
    closed = connection.execute(_CLOSED, (name,)).fetchone()
    return max(closed[0] if closed else 0.0, _room(limit, tokens, connection.execute(_TAKEN, (name,))))


def _planned(connection: sqlite3.Connection, limit: Limit, name: str, tokens: int, mine: int) -> float:
    """When those ahead have had their turns, if requests go on to take as much of what is kept free."""
    [(share,)] = connection.execute(_SHARE, (name,)).fetchall()
    share = 1.0 if share is None else max(share, _LEAST_SHARE)
    ahead = connection.execute(_PLANNED, {"name": name, "turn": mine, "share": share})
    [(before,)] = connection.execute(_BEFORE, (name, mine)).fetchall()
    after = 0.0 if before is None else before + limit.spacing(tokens * share)
    return max(after, _room(limit, tokens * share, ahead))


def _room(limit: Limit, tokens: float, taken: Iterable[tuple[float, float]]) -> float:
    """When the 60 seconds before have room for one more request; `taken` has the latest first."""
    total = tokens
    for requests, (at, used) in enumerate(taken, 1):
        total += used
        if requests == limit.requests_per_minute or total > (limit.tokens_per_minute or total):
            return at + WINDOW
    return 0.0
