"""A program of the benchmark in a process of its own: one line of JSON in, one line of JSON out.

Both ends are here. Peers run this in an environment without our dependencies: only the standard library.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["LIMIT", "Broken", "Child", "Reply", "Request", "Unavailable", "answer", "ask"]

ROOT = Path(__file__).parent.parent
LIMIT = 1_800.0
"""Seconds that a program has for its answer."""
_LAST_LINES = 12

Request = Mapping[str, Any]
Reply = dict[str, Any]


class Broken(Exception):
    """A program ended without an answer."""


class Unavailable(Exception):
    """A peer cannot take part here, and why."""


class Child:
    """A running program: lines that it prints can be read before its answer, and it can be killed.

    It is a process group of its own, so that what it has started is killed with it.
    """

    def __init__(self, module: str, request: Request, *, python: str | None = None) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [python or sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(dict(request)) + "\n")
        self._process.stdin.flush()

    def line(self) -> Reply:
        """The next line of JSON that it prints on the way."""
        assert self._process.stdout is not None
        try:
            while text := self._process.stdout.readline():
                if text.startswith("{"):
                    return _reply(text)
        except KeyboardInterrupt:  # it reaches this process only
            self.kill()
            raise
        raise self._broken()

    def kill(self) -> None:
        """SIGKILL: what it has not written down is lost."""
        if self._process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.communicate()

    def reply(self, limit: float = LIMIT) -> Reply:
        """Its answer, which is the last line that it prints."""
        try:
            out, err = self._process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Broken(f"{self._module} had no answer after {limit:.0f} s") from None
        except KeyboardInterrupt:  # it reaches this process only
            self.kill()
            raise
        lines = [line for line in out.splitlines() if line.startswith("{")]
        if self._process.returncode or not lines:
            raise self._broken(err)
        return _reply(lines[-1])

    def _broken(self, err: str | None = None) -> Broken:
        if err is None:
            _, err = self._process.communicate()
        status = self._process.returncode
        why = signal.Signals(-status).name if status < 0 else f"status {status}"
        return Broken("\n".join([f"{self._module} ended with {why}", *err.splitlines()[-_LAST_LINES:]]))


def ask(module: str, request: Request, *, python: str | None = None, limit: float = LIMIT) -> Reply:
    """The answer of a program; raises `Broken`, or the `Unavailable` that it told."""
    return Child(module, request, python=python).reply(limit)


def answer(measure: Callable[[Request], Reply]) -> None:
    """The other end: `measure` is called with the request, and what it returns is printed."""
    request = json.loads(sys.stdin.readline())
    try:
        reply = measure(request)
    except Unavailable as error:
        reply = {"unavailable": str(error)}
    print("\n" + json.dumps(reply), flush=True)


def _reply(line: str) -> Reply:
    reply: Reply = json.loads(line)
    if "unavailable" in reply:
        raise Unavailable(reply["unavailable"])
    return reply
