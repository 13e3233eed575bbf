"""Webhooks that come in: signed over the bytes that came, by one of the secrets that are in use."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from agents_sdk.security.secret import Secret
from workflows import Binding, WorkflowInstance

__all__ = ["Received", "github_webhook", "standard_webhook"]

P = TypeVar("P")

_MOST = 1 << 20
_TOLERANCE = 300.0  # seconds that the clocks of both may differ, and that a message may be under way
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_SENT_ID = re.compile(r"[!-\-/-~]{1,255}")  # no dot, which ends it in what is signed
_TIME = re.compile(r"[0-9]{1,12}")
_HEX = re.compile(r"sha256=([0-9a-fA-F]{64})")
_PREFIX = "whsec_"
_SIGNATURES = 10
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook whose signature was right."""

    id: str
    """Of the delivery: the same each time that it is sent."""
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def instance_id(self) -> str:
        """`id`, as an instance may have it."""
        return self.id if _ID.fullmatch(self.id) else hashlib.sha256(self.id.encode()).hexdigest()

    async def start(self, binding: Binding[P], params: P) -> WorkflowInstance:
        """Creates an instance, one for each id, however often it is sent.

        It is remembered as long as the instance is kept: let `retention` be more than ten minutes.
        """
        return await binding.create(id=self.instance_id, params=params, exist_ok=True)


async def standard_webhook(
    request: Request, secrets: Iterable[str | Secret], *, now: Callable[[], float] = time.time
) -> Received:
    """Reads one that is signed as Standard Webhooks are, at most five minutes ago; else raises a 401.

    Several `secrets`, each `whsec_…`, let one take the place of another without a gap.
    """
    keys = [_key(one) for one in _texts(secrets)]
    id, sent, given = (_only(request, f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    if not _SENT_ID.fullmatch(id) or not _TIME.fullmatch(sent) or abs(now() - int(sent)) > _TOLERANCE:
        raise _unauthorized()
    signatures = [one for one in map(_standard, given.split()[:_SIGNATURES]) if one is not None]
    if not signatures:
        raise _unauthorized()
    body = await _body(request)
    _verify(keys, f"{id}.{sent}.".encode() + body, signatures)
    return Received(id, body)


async def github_webhook(request: Request, secrets: Iterable[str | Secret]) -> Received:
    """Reads one of GitHub, by `X-Hub-Signature-256`; raises a 401 when it is none."""
    keys = [one.encode() for one in _texts(secrets)]
    id, given = (_only(request, f"x-{name}") for name in ("github-delivery", "hub-signature-256"))
    signature = _HEX.fullmatch(given)
    if not _SENT_ID.fullmatch(id) or signature is None:
        raise _unauthorized()
    body = await _body(request)
    _verify(keys, body, [bytes.fromhex(signature[1])])
    return Received(id, body)


def _texts(secrets: Iterable[str | Secret]) -> list[str]:
    if isinstance(secrets, str):
        raise TypeError("the secrets of a webhook are a list: give [secret]")
    texts = [one.reveal() if isinstance(one, Secret) else one for one in secrets]
    if not all(texts) or not texts:
        raise ValueError("a webhook needs a secret that is not empty: anybody could sign with none")
    return texts


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < 24:
        raise ValueError(f"the secret of a webhook is {_PREFIX} and at least 24 random bytes as base64")
    return key


def _only(request: Request, header: str) -> str:
    """The header, which must be there once."""
    given = request.headers.getlist(header)
    if len(given) != 1:
        raise _unauthorized()
    return given[0]


def _standard(text: str) -> bytes | None:
    version, _, encoded = text.partition(",")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return signature if version == "v1" and len(signature) == _DIGEST else None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST:
            raise HTTPException(413, "Content Too Large")
    return bytes(body)


def _verify(keys: list[bytes], signed: bytes, signatures: list[bytes]) -> None:
    wanted = [hmac.digest(key, signed, "sha256") for key in keys]
    if not any(hmac.compare_digest(one, given) for one in wanted for given in signatures):
        raise _unauthorized()


def _unauthorized() -> HTTPException:
    return HTTPException(401, "Unauthorized")
