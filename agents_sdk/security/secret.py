"""`Secret`: a value that shows itself only when it is asked to."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

__all__ = ["MASK", "Secret", "redacted"]

MASK: Final = "***"
"""What is shown instead."""

_NAMES = r"[\w-]*(?:authorization|token|api[_-]?key|password|passwd|cookie|secret)[\w-]*"
_QUOTED = re.compile(rf"""(["']{_NAMES}["']\s*[:=]\s*)(["'])(?:\\.|(?!\2)[^\\])*\2""", re.IGNORECASE)
_PLAIN = re.compile(
    rf"""(?<![\w"'-])({_NAMES}\s*[:=]\s*)((?:bearer|basic)\s+)?(?!\s|["']?\*\*\*)("[^"]*"|'[^']*'|[^\s,;&"']+)""",
    re.IGNORECASE,
)


class Secret:
    """A text that `repr`, `str`, formats, logs and errors show as `***`, and that nothing can store.

    `reveal()` gives it. Two are equal when their texts are.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text:
            raise TypeError("a secret is a str that is not empty")
        self._text = text

    def reveal(self) -> str:
        """The text: hand it to what needs it, and keep it nowhere."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be stored: keep it in the environment, and its name in the data")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


def redacted(text: str, secrets: Iterable[Secret] = ()) -> str:
    """`text` without these secrets, and without what stands behind names like `token` or `password`."""
    for secret in sorted((one.reveal() for one in secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _QUOTED.sub(rf"\1\2{MASK}\2", text)
    return _PLAIN.sub(rf"\1{MASK}", text)
