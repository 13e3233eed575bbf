"""Which server, with which key, and which model: from arguments, else from the environment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from integrations.llm.errors import ModelNotConfigured

__all__ = ["OPENAI_URL", "Endpoint", "model_name"]

OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and the key for it."""

    url: str
    api_key: str = field(repr=False)

    @classmethod
    def of(
        cls, base_url: str | None, api_key: str | None, *, environ: Mapping[str, str] = os.environ
    ) -> Endpoint:
        """Arguments win over `OPENAI_BASE_URL` and `OPENAI_API_KEY`; a server of one's own needs no key."""
        url = base_url or environ.get("OPENAI_BASE_URL") or ""
        key = api_key or environ.get("OPENAI_API_KEY") or ""
        if not url and not key:
            raise ModelNotConfigured(
                "no model is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own"
            )
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ModelNotConfigured(f"OPENAI_BASE_URL {url!r} is not a URL: write http://127.0.0.1:8080/v1")
        return cls((url or OPENAI_URL).rstrip("/"), key or NO_KEY)

    @property
    def name(self) -> str:
        """The server and, unreadable, the key: those with the same name are limited together."""
        return f"{self.shown} {hashlib.sha256(self.api_key.encode()).hexdigest()[:12]}"

    @property
    def shown(self) -> str:
        """The URL without user and password, for messages."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def model_name(model: str | None, *, environ: Mapping[str, str] = os.environ) -> str:
    """The argument, else `OPENAI_MODEL`."""
    name = model or environ.get("OPENAI_MODEL")
    if not name:
        raise ModelNotConfigured("no model is named: set OPENAI_MODEL, or give LLM(model=...)")
    return name
