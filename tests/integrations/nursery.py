"""Lives of a program that is loaded once: forked when wanted, killed when a test says so.

    async with Nursery("tests.integrations.a_program") as nursery:
        life = await nursery.fork("argument")
        await life.said("half way")
        life.kill()

The program has an `async def live(*arguments)`, and says with `print(..., flush=True)` how far it is.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import traceback
from types import TracebackType
from typing import Self

_ENDED = "\0ended"


class Life:
    """One process; lines that it has said are kept in order."""

    def __init__(self, pid: int, output: asyncio.StreamReader) -> None:
        self.lines: list[str] = []
        self._pid = pid
        self._output = output

    async def said(self, *wanted: str) -> None:
        """Returns once it has said all of these lines."""
        while not set(wanted) <= set(self.lines):
            assert await self._listen(), f"it has ended without {wanted}: {self.lines}"

    async def next(self, begins: str) -> str:
        """The first line that begins so."""
        while not (found := [line for line in self.lines if line.startswith(begins)]):
            assert await self._listen(), f"it has ended without {begins}: {self.lines}"
        return found[0]

    def kill(self) -> None:
        """At once, by SIGKILL."""
        os.kill(self._pid, signal.SIGKILL)

    async def ended(self) -> list[str]:
        """All that it has said, once it has come to its end."""
        while await self._listen():
            pass
        return self.lines

    async def _listen(self) -> bool:
        line = (await self._output.readline()).decode().rstrip("\n")
        if line != _ENDED:
            self.lines.append(line)
        return line != _ENDED


class Nursery:
    """A process that has loaded the program and runs nothing; one life at a time."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None

    async def fork(self, *arguments: str) -> Life:
        """Begins a life."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments).encode() + b"\n")
        pid = await self._process.stdout.readline()
        return Life(int(pid), self._process.stdout)

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "tests.integrations.nursery", self._module]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, start_new_session=True
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        if kind is not None and sys.platform != "win32":  # its life may be stuck: do not wait for that
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


def main(module: str) -> None:
    """Forks a child for each line of arguments, and waits for its end."""
    program = importlib.import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio.run(program.live(*json.loads(line)))
                code = 0
            except BaseException:  # noqa: BLE001  the child ends here, whatever it was
                traceback.print_exc()
            finally:
                os._exit(code)
        print(child, flush=True)  # noqa: T201
        os.waitpid(child, 0)
        print(_ENDED, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
