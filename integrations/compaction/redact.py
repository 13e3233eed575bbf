"""Credentials leave a text before it goes to a model that was not told them."""

from collections.abc import Callable
from typing import TypeAlias

Redact: TypeAlias = Callable[[str], str]


def redacted(text: str) -> str:
    """The text with each credential replaced by what it was; what looks like one is replaced, too."""
    from integrations.secrets import find_secrets

    pieces: list[str] = []
    at = 0
    for secret in find_secrets(text):
        pieces += [text[at : secret.start], f"[left out: {secret.name}]"]
        at = secret.end
    return "".join([*pieces, text[at:]])
