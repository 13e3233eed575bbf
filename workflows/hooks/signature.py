"""Signatures of webhooks, by the Standard Webhooks scheme (HMAC-SHA256), and the secrets for them."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Callable

from workflows.errors import WorkflowError

__all__ = ["from_environment", "key_of", "new_secret", "sign"]

_PREFIX = "whsec_"
_SHORTEST, _LONGEST, _USUAL = 24, 64, 32


def new_secret() -> str:
    """A secret for sender and receiver of a webhook: keep it where both can read it, and nobody else."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_USUAL)).decode()


def from_environment(variable: str) -> Callable[[], str]:
    """For `Webhook(secret=…)`: what the environment variable holds when it is needed."""

    def read() -> str:
        if variable not in os.environ:
            raise WorkflowError(f"the environment has no {variable}: set it to the secret of the webhook")
        return os.environ[variable]

    return read


def key_of(secret: str) -> bytes:
    """The key in a secret; raises `ValueError` when it is none, without showing it."""
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if encoded == secret or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(
            f"the secret of a webhook is {_PREFIX} and {_SHORTEST} to {_LONGEST} random bytes as base64: "
            "make one with workflows.hooks.new_secret()"
        )
    return key


def sign(key: bytes, *, id: str, timestamp: int, body: bytes) -> str:
    """What goes into the header `webhook-signature`."""
    digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()
