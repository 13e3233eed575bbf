"""The other process: reads calls from its input, and writes what they return."""

from __future__ import annotations

import struct
import sys
from typing import IO, get_type_hints

from pydantic import TypeAdapter

from integrations.code_review.apart.request import unpacked

__all__ = ["DONE", "main", "read_frame", "write_frame"]

DONE = b"\0"
"""Begins what was returned; no reason begins so."""
_MEMORY = 2 << 30
_LENGTH = struct.Struct(">Q")
_LONGEST_REASON = 200


def main() -> None:
    """Says that it is ready, and answers until its input ends, which it does when the parent does."""
    _limited()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    write_frame(sink, DONE)
    while True:
        try:
            request = read_frame(source)
        except EOFError:
            return
        write_frame(sink, _answer(request))


def read_frame(source: IO[bytes]) -> bytes:
    """The next frame; `EOFError` when there is none, or not all of it."""
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size))
    return _exactly(source, length)


def write_frame(sink: IO[bytes], content: bytes) -> None:
    """One frame: its length, and what it holds."""
    sink.write(_LENGTH.pack(len(content)) + content)
    sink.flush()


def _exactly(source: IO[bytes], size: int) -> bytes:
    content = source.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _answer(request: bytes) -> bytes:
    """`DONE` and JSON, or why there is none."""
    try:
        call, arguments = unpacked(request)
        result = call(**arguments)
        return DONE + TypeAdapter(get_type_hints(call)["return"]).dump_json(result)
    except MemoryError:
        return b"reading it took too much memory"
    except RecursionError:
        return b"it is nested too deeply to be read"
    except Exception as error:  # noqa: BLE001 whatever a text does to its reader is told, and the next one is read
        reason = f"reading it failed: {type(error).__name__}: {error}"
        return reason[:_LONGEST_REASON].encode("utf-8", "backslashreplace")


def _limited() -> None:
    """No more memory than a text can need, no files, no dumps; where the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows: there the time limit alone holds
        return
    for limit, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
