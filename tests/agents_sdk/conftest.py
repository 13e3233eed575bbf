"""What several tests of agents stand on."""

from __future__ import annotations

import pytest

from agents_sdk.sql import SqlFile, SqlFiles


@pytest.fixture
async def notes(files: SqlFiles) -> SqlFile:
    """One file of those that the test module opens, with a table."""
    file = files.of(7)
    await file.run("CREATE TABLE note(id INTEGER PRIMARY KEY, text)", ())
    return file
