"""`Apart`: calls functions in another process, within a time limit."""

from __future__ import annotations

import json
import pickle
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
from integrations.code_review.git import clean_environment

__all__ = ["Apart", "NotAnalysed"]

P = ParamSpec("P")
R = TypeVar("R")

_PATIENCE = 20.0
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

        Only the way there is pickled. What comes back is JSON, so a reader that was taken over could say
        something wrong, and nothing worse. Raises `NotAnalysed` when nothing comes back.
        """
        request = pickle.dumps((call, args, kwargs))
        with self._turn:
            answer = self._answered(request)
        if not answer.startswith(DONE):
            raise NotAnalysed(answer.decode("utf-8", "replace"))
        returned: TypeAdapter[R] = TypeAdapter(get_type_hints(call)["return"])
        return returned.validate_json(answer.removeprefix(DONE))

    def begin(self) -> None:
        """Starts the process, so that the first call need not wait for it."""
        with self._turn:
            self._running()

    def close(self) -> None:
        """Ends the process; a call that is under way raises `NotAnalysed`."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
            with self._turn:
                self._forget(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answered(self, request: bytes) -> bytes:
        process = self._running()
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        watch = threading.Timer(self._patience, stop)
        watch.start()
        try:
            return _exchanged(process, request)
        except (OSError, EOFError):
            self._forget(process)
            raise NotAnalysed(self._why(late=late.is_set())) from None
        finally:
            watch.cancel()

    def _why(self, *, late: bool) -> str:
        return (
            f"reading it took more than {self._patience:g} seconds" if late else "reading it ended its reader"
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise NotAnalysed("the review was stopped")
        if self._process is None:
            self._process = _started()
        return self._process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()
        if self._process is process:
            self._process = None


def _started() -> subprocess.Popen[bytes]:
    # Isolated, in a folder without modules: nothing of the reviewed repository can be imported.
    path = json.dumps([str(Path(entry).absolute()) for entry in sys.path])
    code = _CODE.format(module=read_frame.__module__)
    return subprocess.Popen(  # noqa: S603 this Python, and a line of our own
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
        env=clean_environment(),
    )


def _exchanged(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    write_frame(process.stdin, request)
    return read_frame(process.stdout)
