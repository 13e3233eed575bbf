from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where the file is; when a test is over, nothing of its folder is open."""
    yield tmp_path / "pairs.db"
    descriptors = Path("/proc/self/fd")
    links = descriptors.iterdir() if descriptors.exists() else ()
    targets = [str(link.readlink()) for link in links if link.is_symlink()]
    assert [target for target in targets if target.startswith(str(tmp_path))] == []
