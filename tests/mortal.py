"""Processes that do not outlive the tests that start them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["mortal"]

T = TypeVar("T", str, bytes)


@contextmanager
def mortal(process: subprocess.Popen[T]) -> Iterator[subprocess.Popen[T]]:
    """The process, which is killed when the block fails: `with process` alone waits for its end.

    The time limit of a test rings only once: whoever waits after it waits until somebody comes.
    """
    try:
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
    finally:
        process.kill()  # nothing, unless the time limit rang while its end was waited for
