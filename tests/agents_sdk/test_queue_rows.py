"""What the queue keeps: no verb looks at more rows than it must."""

from __future__ import annotations

import sqlite3

import pytest

from agents_sdk.queue.rows import Rows
from agents_sdk.retry import Patience
from agents_sdk.storage import QUEUE
from workflows import Statement, Store, SystemClock

pytestmark = pytest.mark.anyio

MANY = 20_000
HALF = MANY // 2
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO agent_item(agent, id, method, payload, created, attempts, base_delay, max_delay, dead)
SELECT ?, 'item ' || i, 'call', x'31', 0.0, 3, 0.1, 3.0, i <= ? FROM n
"""


class Effort:
    """Counts what SQLite does, in hundreds of instructions."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self, connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(self._more, 100)

    def _more(self) -> int:
        self.count += 1
        return 0


async def test_a_long_queue_costs_no_more_for_each_item() -> None:
    async with await Store.open(":memory:", clock=SystemClock()) as store:  # one connection does everything
        await store.migrate(QUEUE.component, QUEUE.steps)
        for agent in (1, 2):
            await store.write(Statement(FILL, (MANY, agent, HALF)))  # the first half is dead
        rows, effort = Rows(store, 1), Effort()
        await store.write(effort.watch)
        for payload in (b"1", b"2"):
            await rows.put("k", "call", payload, created=0.0, patience=Patience(), replace=True)
        head = await rows.head()
        assert head is not None
        assert head.id == f"item {HALF + 1}"
        await rows.failed(head, "no", due=1.0)
        await rows.done(head)
        assert len(await rows.take(id="k")) == 1
        assert await rows.redrive("item 1")
        assert effort.count < 20

        kept = [row.id for dead in (False, True) async for row in rows.all(dead=dead)]
        assert kept == [
            *(f"item {n}" for n in range(HALF + 2, MANY + 1)),
            "item 1",
            *(f"item {n}" for n in range(2, HALF + 1)),
        ]
        assert effort.count < MANY  # pages do not begin at the first row again
        assert len(await rows.take()) == MANY - 1
        assert await Rows(store, 2).head() is not None
