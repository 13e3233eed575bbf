"""SEC-12: template strings as statements. `t"…"` is syntax of Python 3.14; here are objects like it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents_sdk.sql import SqlFile, SqlFiles, ident
from agents_sdk.template import bound

pytestmark = pytest.mark.anyio
EVIL = "x' OR 1=1; DROP TABLE note; --"


@dataclass(frozen=True)
class Braces:
    """As `string.templatelib.Interpolation`."""

    value: object
    expression: str = ""
    conversion: str | None = None
    format_spec: str = ""


@dataclass(frozen=True)
class Template:
    """As `string.templatelib.Template`."""

    strings: tuple[str, ...]
    interpolations: tuple[Braces, ...] = ()


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[SqlFile]:
    files = SqlFiles(tmp_path / "sql")
    notes = files.of(1)
    await notes.run("CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT)", ())
    yield notes
    await files.close()


async def test_sec_12_what_stands_in_braces_is_a_value(notes: SqlFile) -> None:
    await notes.run(
        Template(("INSERT INTO note(text) VALUES (", "), (", ")"), (Braces(EVIL), Braces(None))), ()
    )
    found = Template(
        ("SELECT ", " FROM ", " WHERE text = ", ""), tuple(map(Braces, (ident("text"), ident("note"), EVIL)))
    )
    assert await notes.run(found, ()) == [{"text": EVIL}]
    assert await notes.run(Template(("SELECT count(*) AS n FROM note",)), ()) == [{"n": 2}]
    not_quoted = Template(("SELECT * FROM ", ""), (Braces("note"),))
    with pytest.raises(Exception, match="syntax error"):
        await notes.run(not_quoted, ())


@pytest.mark.parametrize(
    ("query", "params", "says"),
    [
        (b"SELECT 1", (), "a query is a str or a template string, not bytes"),
        (None, (), "not NoneType"),
        (Template(("SELECT ", ""), (Braces(1),)), (1,), "give no params besides"),
        (Template(("SELECT ", ""), (Braces(1, conversion="r"),)), (), "neither conversion nor format"),
        (Template(("SELECT ", ""), (Braces(1, format_spec=">9"),)), (), "neither conversion nor format"),
    ],
)
def test_sec_12_what_is_no_query(query: Any, params: tuple[object, ...], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        bound(query, params)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="there are no template strings before Python 3.14")
def test_sec_12_a_template_string_of_python() -> None:
    made = eval("""t"SELECT {name} FROM note WHERE text = {value}" """, {"name": ident("a"), "value": EVIL})
    assert bound(made, ()) == ("SELECT `a` FROM note WHERE text = ?", [EVIL])
