"""Names that say what a call is for."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["COPIES", "OPPOSITES", "is_guarding", "is_logging", "is_releasing", "purpose"]

_GUARDING = re.compile(
    r"^_*(?:validate|verify|check|ensure|require|assert|authorize|authenticate|authorise|sanitize|sanitise|escape|quote"
    r"|clean|guard|enforce|permit|normalize|normalise|raise_for_status|full_clean|is_valid|has_permission|bound|clamp)"
    r"(?:_|$)|(?:_|^)(?:escape|quote|sanitize|validated?|normalized?|permissions?|authorized)$|^(?:Validate|Check|Verify)"
)
_RELEASING = re.compile(
    r"^a?(?:close|release|unlock|flush|fsync|commit|rollback|cancel|join|disconnect|shutdown|terminate|unsubscribe"
    r"|task_done|cleanup|dispose|teardown|unlink|wait_closed|detach|restore|acquire|drain|stop)$"
)
_LOGGING = frozenset(
    {
        "debug",
        "info",
        "warning",
        "warn",
        "error",
        "exception",
        "critical",
        "log",
        "print",
        "write_line",
        "echo",
    }
)

COPIES = frozenset({"copy", "deepcopy", "list", "dict", "set", "tuple", "sorted", "frozenset"})

_PURPOSES: Mapping[str, str] = {
    "strip": "white space stays now",
    "lower": "case matters now",
    "casefold": "case matters now",
    "upper": "case matters now",
    "abs": "negative values pass now",
    "max": "the lower limit is gone",
    "min": "the upper limit is gone",
    "int": "the type is no longer made sure of",
    "float": "the type is no longer made sure of",
    "str": "the type is no longer made sure of",
    "bool": "the type is no longer made sure of",
    "bytes": "the type is no longer made sure of",
    "round": "digits are no longer cut",
    "sorted": "the order is left to chance",
    "reversed": "the order is turned",
    "set": "duplicates stay now",
    "copy": "the caller's object is shared now",
    "deepcopy": "the caller's object is shared now",
    "list": "the caller's object is shared, or read only once, now",
    "dict": "the caller's object is shared now",
    "shield": "it can be cancelled now",
    "wait_for": "it has no time limit now",
    "timeout": "it has no time limit now",
}

OPPOSITES: frozenset[frozenset[str]] = frozenset(
    frozenset(pair)
    for pair in (
        ("min", "max"),
        ("any", "all"),
        ("append", "extend"),
        ("append", "insert"),
        ("append", "appendleft"),
        ("pop", "popleft"),
        ("add", "remove"),
        ("add", "discard"),
        ("encode", "decode"),
        ("dumps", "loads"),
        ("lower", "upper"),
        ("lstrip", "rstrip"),
        ("strip", "rstrip"),
        ("strip", "lstrip"),
        ("split", "rsplit"),
        ("partition", "rpartition"),
        ("find", "rfind"),
        ("first", "last"),
        ("start", "end"),
        ("start", "stop"),
        ("begin", "end"),
        ("left", "right"),
        ("width", "height"),
        ("startswith", "endswith"),
        ("isfile", "isdir"),
        ("is_file", "is_dir"),
        ("floor", "ceil"),
        ("enable", "disable"),
        ("lock", "unlock"),
        ("acquire", "release"),
        ("commit", "rollback"),
        ("union", "intersection"),
        ("issubset", "issuperset"),
        ("now", "utcnow"),
        ("localtime", "gmtime"),
        ("match", "search"),
        ("match", "fullmatch"),
        ("search", "fullmatch"),
        ("bisect_left", "bisect_right"),
        ("asc", "desc"),
        ("get", "pop"),
        ("items", "keys"),
        ("items", "values"),
        ("keys", "values"),
        ("gather", "wait"),
        ("put", "put_nowait"),
        ("time", "monotonic"),
    )
)


def is_guarding(name: str) -> bool:
    """Whether a call of this name checks or cleans what it is given."""
    return _GUARDING.search(name) is not None


def is_releasing(name: str) -> bool:
    """Whether a call of this name ends something that was begun."""
    return _RELEASING.search(name) is not None


def is_logging(name: str) -> bool:
    """Whether a call of this name only tells."""
    return name in _LOGGING


def purpose(name: str) -> str:
    """What is different without a call of this name; empty when its name does not say."""
    if is_guarding(name):
        return "its argument is no longer checked or cleaned"
    return _PURPOSES.get(name, "")
