"""`self.sql`: parameters only, one statement, nothing outside the agent's own file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents_sdk.errors import SqlError
from agents_sdk.sql import SqlFile, SqlFiles

pytestmark = pytest.mark.anyio


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[SqlFiles]:
    files = SqlFiles(tmp_path / "sql", open_limit=2, threads=2)
    yield files
    await files.close()


async def test_rows_are_dicts(notes: SqlFile) -> None:
    await notes.run("INSERT INTO note(text) VALUES (?), (?)", ("a", None))
    assert await notes.run("SELECT id, text FROM note ORDER BY id", ()) == [
        {"id": 1, "text": "a"},
        {"id": 2, "text": None},
    ]


async def test_a_statement_that_returns_rows_and_writes(notes: SqlFile) -> None:
    assert await notes.run("INSERT INTO note(text) VALUES (?) RETURNING id", ("a",)) == [{"id": 1}]


async def test_sec_12_values_are_never_sql(notes: SqlFile) -> None:
    evil = "'); DROP TABLE note; --"
    await notes.run("INSERT INTO note(text) VALUES (?)", (evil,))
    assert await notes.run("SELECT text FROM note", ()) == [{"text": evil}]


async def test_nothing_is_on_the_disk_before_the_first_statement(files: SqlFiles, tmp_path: Path) -> None:
    file = files.of(1)
    assert not (tmp_path / "sql").exists()
    await file.run("SELECT 1", ())
    assert (tmp_path / "sql" / "1.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "sql").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("ATTACH 'other.db' AS other", "ATTACH is not allowed here"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA is not allowed here"),
        ("VACUUM INTO 'copy.db'", "ATTACH is not allowed here"),
        ("SELECT load_extension('x')", "not allowed here|no such function"),
        ("BEGIN", "BEGIN or COMMIT is not allowed here"),
        ("SAVEPOINT a", "SAVEPOINT is not allowed here"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT ?", "bindings"),
        ("SELEC", "syntax error"),
    ],
)
async def test_sec_12_what_leads_out_is_refused(notes: SqlFile, query: str, reason: str) -> None:
    with pytest.raises(SqlError, match=reason) as caught:
        await notes.run(query, ())
    assert caught.value.query == query


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), [1], {"a": 1}, 2**80, "\ud800"])
async def test_refused_values(notes: SqlFile, value: object) -> None:
    with pytest.raises(SqlError):
        await notes.run("INSERT INTO note(text) VALUES (?)", (value,))


async def test_full_text_search_works(notes: SqlFile) -> None:
    await notes.run("CREATE VIRTUAL TABLE page USING fts5(body)", ())
    await notes.run("INSERT INTO page VALUES (?)", ("durable execution",))
    assert await notes.run("SELECT body FROM page WHERE page MATCH ?", ("durable",)) == [
        {"body": "durable execution"}
    ]


async def test_statements_run_in_the_order_of_their_calls(notes: SqlFile) -> None:
    await asyncio.gather(*(notes.run("INSERT INTO note(text) VALUES (?)", (n,)) for n in range(50)))
    rows = await notes.run("SELECT text FROM note ORDER BY id", ())
    assert [row["text"] for row in rows] == list(range(50))


async def test_only_so_many_files_are_open(files: SqlFiles) -> None:
    agents = [files.of(n) for n in range(6)]
    for agent in agents:
        await agent.run("CREATE TABLE t(x)", ())
    await asyncio.gather(*(agent.run("INSERT INTO t VALUES (?)", (1,)) for agent in agents))
    assert sum(agent.is_open for agent in agents) <= 4  # the limit, and those that were running
    assert [await agent.run("SELECT x FROM t", ()) for agent in agents] == [[{"x": 1}]] * 6
    assert sum(agent.is_open for agent in agents) == 2


async def test_a_cancelled_caller_does_not_break_the_next(notes: SqlFile) -> None:
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000)"
    slow = numbers + " SELECT count(*) AS n FROM n"
    task = asyncio.create_task(notes.run(slow, ()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    assert await notes.run("SELECT 1 AS one", ()) == [{"one": 1}]
