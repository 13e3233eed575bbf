"""aimock, the mock model server of npm, on a free port of this machine."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.npm.suite import installed, node

__all__ = ["started"]

HERE = Path(__file__).parent
_PROGRAM = "node_modules/@copilotkit/aimock/dist/cli.js"
_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")


@contextlib.contextmanager
def started() -> Iterator[str]:
    """The base URL of a server with the answers of `fixtures.json`; raises `Unavailable`."""
    program = installed(HERE / "package.json") / _PROGRAM
    command = [node(), str(program), "--port", "0", "--fixtures", str(HERE / "fixtures.json")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as server:
        try:
            yield f"{_address(server)}/v1"
        finally:
            server.kill()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    said = []
    for line in server.stdout:
        said.append(line)
        if (found := _LISTENING.search(line)) is not None:
            return found[1]
    raise RuntimeError(f"aimock did not start: {''.join(said)}")
