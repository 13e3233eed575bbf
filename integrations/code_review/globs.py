"""Path patterns: `*` within one folder, `**` across folders; one without a slash matches at any depth."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["matches", "matches_any"]


def matches(path: str, pattern: str) -> bool:
    """Whether `path` (with `/`) is meant by `pattern`; a folder means everything below it."""
    return _compiled(pattern).fullmatch(path) is not None


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether any of the patterns means `path`."""
    return any(matches(path, pattern) for pattern in patterns)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    wanted = pattern.strip("/")
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    parts = re.split(r"(\*\*/?|\*|\?)", wanted)
    return re.compile(anywhere + "".join(_part(part) for part in parts) + "(?:/.*)?", re.DOTALL)


def _part(part: str) -> str:
    match part:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _:
            return re.escape(part)
