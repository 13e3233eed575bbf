"""`Apart`: calls functions in another process, within a time limit."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, get_type_hints

from pydantic import TypeAdapter

from integrations.code_review.apart.child import DONE, read_frame, write_frame
from integrations.code_review.apart.request import packed
from integrations.code_review.git import clean_environment

__all__ = ["Apart", "NotAnalysed"]

P = ParamSpec("P")
R = TypeVar("R")

_PATIENCE = 20.0
_START = 60.0
_OURS = Path(__file__).parents[3]
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"


class NotAnalysed(Exception):
    """A text could not be read: it took too long, too much memory, or ended its reader."""


class Apart:
    """One other process, begun when it is first needed and again after it was lost. Close it when done.

    It has no secrets: its environment is clean. Calls of several threads wait for each other.
    """

    def __init__(self, *, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def ask(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `call` returns there; it is a function of a module, and its annotation says what it returns.

        All that goes and comes is JSON: a reader that was taken over could say something wrong, and
        nothing worse. Raises `NotAnalysed` when nothing comes back.
        """
        request = packed(call, args, kwargs)
        with self._turn:
            answer = self._answered(request)
        if not answer.startswith(DONE):
            raise NotAnalysed(answer.decode("utf-8", "replace"))
        returned: TypeAdapter[R] = TypeAdapter(get_type_hints(call)["return"])
        return returned.validate_json(answer.removeprefix(DONE))

    def close(self) -> None:
        """Ends the process; a call that is under way raises `NotAnalysed`."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._turn:
            if self._process is not None:
                self._forget(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answered(self, request: bytes) -> bytes:
        if self._closed:
            raise NotAnalysed("the review was stopped")
        if self._process is None:
            self._process = _started()
            self._within(_START, self._process, _read)
        if self._closed:
            raise NotAnalysed("the review was stopped")

        def exchange(process: subprocess.Popen[bytes]) -> bytes:
            assert process.stdin is not None
            write_frame(process.stdin, request)
            return _read(process)

        return self._within(self._patience, self._process, exchange)

    def _within(
        self,
        seconds: float,
        process: subprocess.Popen[bytes],
        exchange: Callable[[subprocess.Popen[bytes]], bytes],
    ) -> bytes:
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        watch = threading.Timer(seconds, stop)
        watch.start()
        try:
            return exchange(process)
        except (OSError, EOFError):
            self._forget(process)
            took = f"reading it took more than {seconds:g} seconds"
            raise NotAnalysed(took if late.is_set() else "reading it ended its reader") from None
        finally:
            watch.cancel()

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()
        if self._process is process:
            self._process = None


def _started() -> subprocess.Popen[bytes]:
    # Isolated, and without the folder that this program was started in: nothing under review can be imported.
    path = json.dumps([*(str(Path(entry).absolute()) for entry in sys.path if entry), str(_OURS)])
    code = _CODE.format(module=read_frame.__module__)
    return subprocess.Popen(  # noqa: S603 this Python, and a line of our own
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
        env=clean_environment(),
    )


def _read(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return read_frame(process.stdout)
