"""What the agent of a repository remembers in its SQL: deliveries, heads, reviews, and what was dismissed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from integrations.code_review import Spent
from integrations.code_review.finding import SHORT
from integrations.github.agent.state import RepositoryState, Reviewed

__all__ = ["Dismissal", "Memory"]

_LATEST = 10
_DELIVERIES_KEPT = 7 * 86_400.0
"""Seconds; GitHub delivers again for three days."""
_TABLES = (
    "delivery(id TEXT PRIMARY KEY, at REAL NOT NULL)",
    "pull(number INTEGER PRIMARY KEY, head TEXT NOT NULL, updated TEXT NOT NULL)",
    """review(
        run TEXT PRIMARY KEY, at REAL NOT NULL, content TEXT NOT NULL,
        requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cost REAL NOT NULL
    )""",
    "dismissed(fingerprint TEXT PRIMARY KEY, who TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL)",
)
_TOTAL = """
    SELECT count(*) AS reviews, coalesce(sum(requests), 0) AS requests, coalesce(sum(input), 0) AS input,
        coalesce(sum(output), 0) AS output, coalesce(sum(cost), 0.0) AS cost
    FROM review
"""
_DISMISSED = "SELECT fingerprint, who, reason, at FROM dismissed ORDER BY at DESC, fingerprint"

Sql = Callable[..., Awaitable[list[Any]]]


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A finding that people do not want to be told again, by `Finding.short`."""

    fingerprint: str
    who: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Over `Agent.sql`; every call is committed when it returns."""

    sql: Sql

    async def open(self) -> None:
        """Makes what is not there yet."""
        for table in _TABLES:
            await self.sql(f"CREATE TABLE IF NOT EXISTS {table} STRICT")

    async def was_delivered(self, id: str) -> bool:
        """Whether a delivery was taken before."""
        return bool(await self.sql("SELECT 1 FROM delivery WHERE id = ?", id))

    async def delivered(self, id: str, now: float) -> None:
        """Remembers a delivery; old ones are forgotten."""
        await self.sql("INSERT OR IGNORE INTO delivery VALUES (?, ?)", id, now)
        await self.sql("DELETE FROM delivery WHERE at < ?", now - _DELIVERIES_KEPT)

    async def is_newest(self, number: int, head: str, updated: str) -> bool:
        """Remembers a head; false when one is known that came later: deliveries may overtake each other."""
        await self.sql(
            "INSERT INTO pull VALUES (?, ?, ?) ON CONFLICT(number) DO UPDATE SET head = excluded.head,"
            " updated = excluded.updated WHERE excluded.updated >= updated",
            number,
            head,
            updated,
        )
        (row,) = await self.sql("SELECT head FROM pull WHERE number = ?", number)
        return bool(row["head"] == head)

    async def numbers(self) -> list[int]:
        """The pull requests that were open when they were last heard of."""
        return [row["number"] for row in await self.sql("SELECT number FROM pull ORDER BY number")]

    async def closed(self, number: int) -> None:
        """Forgets a pull request."""
        await self.sql("DELETE FROM pull WHERE number = ?", number)

    async def reviewed(self, run: str, review: Reviewed) -> None:
        """Remembers a review; told twice, it counts once."""
        spent = review.spent
        await self.sql(
            "INSERT OR REPLACE INTO review VALUES (?, ?, ?, ?, ?, ?, ?)",
            run,
            review.at,
            review.model_dump_json(),
            spent.requests,
            spent.input_tokens,
            spent.output_tokens,
            spent.cost,
        )

    async def dismiss(self, fingerprints: Iterable[str], *, who: str, reason: str, now: float) -> None:
        """Remembers that these are not wanted."""
        for one in fingerprints:
            await self.sql(
                "INSERT OR IGNORE INTO dismissed VALUES (?, ?, ?, ?)", one[:SHORT], who, reason, now
            )

    async def restore(self, fingerprints: Iterable[str]) -> None:
        """Forgets that these were not wanted."""
        for one in fingerprints:
            await self.sql("DELETE FROM dismissed WHERE fingerprint = ?", one[:SHORT])

    async def dismissals(self) -> list[Dismissal]:
        """All that is not wanted, the newest first."""
        rows = await self.sql(_DISMISSED)
        return [Dismissal(row["fingerprint"], row["who"], row["reason"], row["at"]) for row in rows]

    async def shown(self, repository: str) -> RepositoryState:
        """The state that follows from all this."""
        (total,) = await self.sql(_TOTAL)
        (left_out,) = await self.sql("SELECT count(*) AS number FROM dismissed")
        latest = await self.sql(f"SELECT content FROM review ORDER BY at DESC, rowid DESC LIMIT {_LATEST}")  # noqa: S608
        return RepositoryState(
            repository=repository,
            reviews=total["reviews"],
            dismissed=left_out["number"],
            spent=Spent(
                requests=total["requests"],
                input_tokens=total["input"],
                output_tokens=total["output"],
                cost=total["cost"],
            ),
            latest=tuple(Reviewed.model_validate_json(row["content"]) for row in latest),
        )
