"""File names as diffs write them: prefixed, quoted, followed by a tab or a date."""

from __future__ import annotations

import re

__all__ = ["dated_name", "header_names", "plain_name", "unprefixed"]

_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_LETTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"t": b"\t",
    b"n": b"\n",
    b"v": b"\v",
    b"f": b"\f",
    b"r": b"\r",
    b'"': b'"',
    b"\\": b"\\",
}
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_PREFIX = re.compile(r"[abciow]/")


def plain_name(written: bytes) -> str:
    """The name that git wrote, unquoted; undecodable bytes are surrogates."""
    quoted = _QUOTED.fullmatch(written.rstrip(b"\r\t"))
    if quoted is None:
        return written.rstrip(b"\r").decode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescaped, quoted[1]).decode("utf-8", "surrogateescape")


def dated_name(written: bytes) -> str:
    """The name of a `---` or `+++` line: up to the tab that a date or nothing follows."""
    quoted = _QUOTED.match(written)
    return plain_name(quoted[0] if quoted else written.partition(b"\t")[0])


def header_names(rest: bytes) -> tuple[str, str] | None:
    """Both names of a `diff --git` line, prefixes included; None when it cannot be told where one ends."""
    rest = rest.rstrip(b"\r")
    if (first := _QUOTED.match(rest)) and rest[first.end() : first.end() + 1] == b" ":
        return plain_name(first[0]), plain_name(rest[first.end() + 1 :])
    if (second := rest.find(b' "')) > 0 and rest.endswith(b'"'):
        return plain_name(rest[:second]), plain_name(rest[second + 1 :])
    return _halves(rest.decode("utf-8", "surrogateescape"))


def unprefixed(name: str) -> str:
    """The name without `a/`, `b/` or another one-letter prefix of git."""
    return name[2:] if _PREFIX.match(name) else name


def _unescaped(match: re.Match[bytes]) -> bytes:
    return _LETTERS.get(match[1]) or bytes([int(match[1], 8) & 0xFF])


def _halves(text: str) -> tuple[str, str] | None:
    # Unquoted names may hold spaces. Without a rename they differ in the prefix only: the middle splits them.
    middle = len(text) // 2
    old, new = text[:middle], text[middle + 1 :]
    if len(text) % 2 and text[middle] == " " and unprefixed(old) == unprefixed(new):
        return old, new
    if text.count(" b/") == 1:
        old, _, new = text.partition(" b/")
        return old, f"b/{new}"
    return None
