"""F8: a second process is refused within a second, and told who owns the file; SIGKILL frees it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fault.sizes import size
from workflows import Engine, StoreInUse

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

OWNER = """
import asyncio, sys
from workflows import Engine
async def main():
    async with Engine(sys.argv[1], []):
        print("open", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_one_process_owns_a_file_and_a_kill_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for _ in range(size(2, 30)):
        owner = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OWNER, path, stdout=subprocess.PIPE
        )
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"open\n"
        try:
            for _ in range(3):
                begun = time.monotonic()
                with pytest.raises(StoreInUse, match=f"in use by process {owner.pid}"):
                    await Engine(path, []).open()
                assert time.monotonic() - begun < 1
        finally:  # also where it fails on purpose
            owner.send_signal(signal.SIGKILL)
            await owner.wait()
        begun = time.monotonic()
        async with Engine(path, []):
            assert time.monotonic() - begun < 1
