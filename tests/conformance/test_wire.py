"""The recorded traffic, when the recordings are at hand: `RECORDINGS=folder pytest tests/conformance`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.wire import judge
from tests.conformance.wire_recording import read

FOLDER = Path(os.environ.get("RECORDINGS", "recordings")) / "wire"
FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.skipif(not FILES, reason=f"no recordings: {FOLDER} does not exist; set RECORDINGS")
@pytest.mark.anyio
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_our_server_talks_as_recorded(file: Path) -> None:
    verdict = await judge(read(file))
    if verdict.skipped is not None:
        pytest.skip(verdict.skipped)
    assert not verdict.differences, str(verdict)
