"""The official clients against this server: a test for each file of the Node suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.npm.suite import Unavailable, run

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))
_PATIENCE = 150  # seconds for one file


@pytest.mark.timeout(_PATIENCE + 330)  # the first one installs the clients
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_the_official_clients(file: Path) -> None:
    try:
        passed, said = run(file, patience=_PATIENCE)
    except Unavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the official clients do not run here: {reason}")
    assert passed, said


def test_there_is_a_suite() -> None:
    assert FILES
