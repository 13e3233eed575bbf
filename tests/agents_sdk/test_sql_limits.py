"""SEC-12 and SEC-7: how far a statement may go, what a value may do, and where files are."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import sys
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp
from agents_sdk.errors import SqlError
from agents_sdk.security import Limits
from agents_sdk.sql import SqlFile, SqlFiles, ident
from tests.agents_sdk.security.calls import call
from workflows import backup

pytestmark = pytest.mark.anyio
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[SqlFiles]:
    files = SqlFiles(tmp_path / "sql")
    yield files
    await files.close()


async def test_sec_12_a_statement_has_an_end(notes: SqlFile, tmp_path: Path) -> None:
    hasty = SqlFiles(tmp_path / "sql", longest=0.1)
    for query in (ENDLESS, f"INSERT INTO note(text) {ENDLESS}"):
        with pytest.raises(SqlError, match=r"it took longer than 0\.1 seconds"):
            await hasty.of(7).run(query, ())
    await hasty.close()
    assert await notes.run("SELECT count(*) AS n FROM note", ()) == [{"n": 0}]


async def test_sec_12_a_statement_has_five_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = itertools.count()  # each look at the clock finds it a second later
    monkeypatch.setattr("agents_sdk.sql.time", types.SimpleNamespace(monotonic=lambda: float(next(looks))))
    files = SqlFiles(tmp_path / "sql")
    with pytest.raises(SqlError, match="it took longer than 5 seconds"):
        await files.of(1).run(ENDLESS, ())
    assert next(looks) == 7
    await files.close()


@pytest.mark.parametrize(
    ("at", "above"),
    [
        (f"SELECT {'1+' * 199}1", f"SELECT {'1+' * 200}1"),
        (" UNION ALL ".join(["SELECT 1"] * 100), " UNION ALL ".join(["SELECT 1"] * 101)),
        (f"SELECT 'a' LIKE '{'a' * 10_000}'", f"SELECT 'a' LIKE '{'a' * 10_001}'"),
        ("SELECT 1".ljust(1 << 20), "SELECT 1".ljust((1 << 20) + 1)),
        (f"SELECT length(zeroblob({64 << 20}))", f"SELECT length(zeroblob({(64 << 20) + 1}))"),
    ],
    ids=["depth", "compound", "pattern", "text", "value"],
)
async def test_sec_12_limits(notes: SqlFile, at: str, above: str) -> None:
    assert await notes.run(at, ())
    with pytest.raises(SqlError):
        await notes.run(above, ())


_PIECES = [
    "'", '"', "`", ";", "--", "/*", "*/", ")", "(", " OR 1=1", " UNION SELECT ", "DROP TABLE note", "note",
    "ATTACH DATABASE 'x' AS y", "PRAGMA writable_schema=1", "0x27", "\x00", "%27", "\\'", "\u02bc", "\uff07",
    "SLEEP(5)", "randomblob(1000000000)", "?", ":a", "@a", "$a", "\n", "\r", "||", "char(39)",
    "sqlite_master",
]  # fmt: skip


async def test_sec_12_ten_thousand_values_change_nothing(notes: SqlFile) -> None:
    chance = random.Random(12)
    values = ["".join(chance.choices(_PIECES, k=chance.randint(1, 8))) for _ in range(10_000)]
    schema = await notes.run("SELECT * FROM sqlite_master", ())
    for start in range(0, len(values), 100):
        some = values[start : start + 100]
        await notes.run(f"INSERT INTO note(text) VALUES {','.join(['(?)'] * 100)}", some)
        found = await notes.run(f"SELECT ? AS a, {','.join('?' * 99)} FROM note LIMIT 1", some)
        assert next(iter(found[0].values())) == some[0]
    assert [row["text"] for row in await notes.run("SELECT text FROM note ORDER BY id", ())] == values
    assert await notes.run("SELECT * FROM sqlite_master", ()) == schema


async def test_sec_12_any_text_can_name_a_table_and_a_column(notes: SqlFile) -> None:
    chance = random.Random(13)
    names = {"".join(chance.choices(_PIECES, k=chance.randint(1, 6))).replace("\0", "") for _ in range(300)}
    taken = {"note"}
    for name in sorted({"`", "``", '"', "]", "select", "a b", *names}):
        if not name or name.lower() in taken or name.lower().startswith("sqlite_"):
            continue
        taken.add(name.lower())
        await notes.run(f"CREATE TABLE {ident(name)}({ident(name)} TEXT)", ())
        await notes.run(f"INSERT INTO {ident(name)}({ident(name)}) VALUES (?)", (name,))
        assert await notes.run(f"SELECT {ident(name)} FROM {ident(name)}", ()) == [{name: name}]
    tables = await notes.run("SELECT name FROM sqlite_master WHERE type = 'table'", ())
    assert len(tables) == len(taken)


async def test_sec_12_what_is_no_column_is_no_text(notes: SqlFile) -> None:
    with pytest.raises(SqlError, match="no such column"):
        await notes.run(f"SELECT {ident('secret')} FROM note", ())


@pytest.mark.parametrize(("name", "error"), [("", ValueError), ("a\0b", ValueError), (5, TypeError)])
def test_sec_12_what_can_name_nothing(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ident(name)


async def test_sec_7_a_link_in_the_place_of_a_file_is_not_followed(files: SqlFiles, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "9.db").symlink_to(elsewhere)
    with pytest.raises(SqlError, match="cannot be opened"):
        await files.of(9).run("CREATE TABLE t(x)", ())
    assert not elsewhere.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
async def test_sec_7_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "data").mkdir(mode=0o755)  # somebody has made it who thought nothing of it
        async with AgentsApp([Writer], data=tmp_path / "data") as app:
            assert (await call(app, "/agents/writer/a?file")).status == 200
            files = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "data").rglob("*")}
            await backup(tmp_path / "data" / "agents.db", tmp_path / "copy.db")
        async with AgentsApp([Writer], data=tmp_path / "new") as app:
            assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)
    assert files.pop("agents-sql") == 0o700
    assert files.pop("agents.db.lock") & 0o022 == 0  # the number of the process is no secret
    assert {"agents.db", "agents.db-wal", "1.db"} <= set(files)
    assert set(files.values()) == {0o600}
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


_NAMES = [
    "..", ".", "../", "..\\", "%2e%2e%2f", "%2e%2e", "%252e%252e%252f", "%00", "C:", "C:\\", "nul", "CON",
    "~", "etc", "passwd", "agents.db", "1.db", "-sql", "%2f", "%5c", "$HOME", "`id`", "|", "*", "?", "\u202e",
    "ä", "\U0001f600", "%c0%ae", "file:", "x" * 200, "'", '"', " ", "\t", "@", ":memory:",
]  # fmt: skip


class Writer(Agent[Any, None]):
    async def on_request(self, request: Request) -> Response:
        if "file" in request.query_params:
            await self.sql("CREATE TABLE IF NOT EXISTS t(x)")
        return PlainTextResponse(self.name)


def files_below(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


async def test_sec_7_ten_thousand_names_never_leave_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(7)
    wild = ["".join(chance.choices(_NAMES, k=chance.randint(1, 5))).replace("/", "") for _ in range(9_900)]
    names = [quote(name, safe="%.~:@'$*|\\`") or "x" for name in wild] + [f"plain-{n}" for n in range(100)]
    async with AgentsApp([Writer], data=tmp_path / "data", limits=Limits()) as app:

        async def ask(number: int, name: str) -> None:
            answer = await call(app, f"/agents/writer/{name}?{'file' if number % 50 == 0 else ''}")
            assert (answer.status, answer.body.decode()) == (200, name)

        for start in range(0, len(names), 200):
            some = names[start : start + 200]
            await asyncio.gather(*(ask(start + number, name) for number, name in enumerate(some)))
    found = files_below(tmp_path)
    own = re.compile(r"data/(agents\.db|agents-sql/[0-9]+\.db)(-wal|-shm)?|data/agents\.db.*")
    assert [name for name in found if not own.fullmatch(name)] == []
    assert sum(name.startswith("data/agents-sql/") for name in found) >= 100
