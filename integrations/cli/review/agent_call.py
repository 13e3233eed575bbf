"""Wishes for the agent of a repository, signed with the secret of its webhook."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
import time
import uuid
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from integrations.cli.errors import CommandError

__all__ = ["SECRET", "Action", "tell_agent"]

SECRET = "GITHUB_WEBHOOK_SECRET"  # noqa: S105  # the name of a variable
Action = Literal["dismiss", "restore", "list"]

_SECONDS = 30.0
_HERE = ("127.0.0.1", "localhost", "::1")


def tell_agent(url: str, *, action: Action, fingerprints: Sequence[str], reason: str) -> list[dict[str, Any]]:
    """What is dismissed there after it has heard this."""
    import httpx

    from integrations.github.agent.wishes import Wishes

    secret = os.environ.get(SECRET)
    if not secret:
        raise CommandError(f"set {SECRET} to the secret of the agent's webhook")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise CommandError(
            f"{url!r} is no URL of an agent: write https://HOST/agents/pull-request-agent/NAME"
        )
    wishes = Wishes(
        action=action,
        fingerprints=tuple(fingerprints),
        who=getpass.getuser()[:100],
        reason=reason[:500],
        sent_at=time.time(),
    )
    body = wishes.model_dump_json().encode()
    headers = {
        "content-type": "application/json",
        "x-github-event": Wishes.EVENT,
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex(),
    }
    try:
        got = httpx.post(url, content=body, headers=headers, timeout=_SECONDS)
    except httpx.HTTPError as error:
        raise CommandError(f"the agent cannot be reached: {type(error).__name__}: {error}") from None
    if got.status_code != httpx.codes.OK:
        raise CommandError(f"the agent answered {got.status_code}: {got.text[:200]}")
    listed: list[dict[str, Any]] = got.json()
    return listed
