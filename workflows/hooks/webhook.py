"""`Webhook`: tells another program of the end of an instance, by a signed HTTP request."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import pydantic_core

from workflows.duration import Duration, seconds
from workflows.errors import NonRetryableError, TryAgain, WorkflowError
from workflows.hooks.hook import Finished
from workflows.hooks.signature import key_of, sign

if TYPE_CHECKING:
    import httpx

__all__ = ["Webhook"]

_GONE = 410
_SHOWN = 200
"""Bytes of an answer that an error repeats."""
_LONGEST_TIMEOUT = 600.0


class Webhook:
    """POSTs the end of an instance as JSON, signed as Standard Webhooks are.

    An answer of 2xx ends the delivery, 410 makes it dead at once; anything else is followed by another
    attempt, in `Retry-After` seconds if it says so. Redirects are not followed. A host that resolves to no
    public address is not connected to, and the delivery is dead.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str | Callable[[], str],
        name: str | None = None,
        timeout: Duration = 15,
        internal: bool = False,
    ) -> None:
        """`internal` allows a host of your own network or machine, and http.

        `secret` is one of `new_secret()`, or a function that gives it, called for each attempt.

        The secret is never stored. By default the name is the URL without what may be secret in it.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WorkflowError(f"the url of a webhook is {url!r}: give http:// or https:// and a host")
        if parts.scheme == "http" and not internal:
            raise WorkflowError(f"the url of a webhook is {url!r}: give https, or say internal=True")
        if not callable(secret):
            key_of(secret)
        self.url = url
        self.name = name or f"webhook {_plain(parts)}"
        self._shown = _plain(parts)
        self._secret = secret
        self._internal = internal
        self._timeout = seconds(timeout, what="timeout of a webhook", limit=_LONGEST_TIMEOUT)

    def __repr__(self) -> str:
        return f"Webhook({self._shown!r}, name={self.name!r})"

    async def deliver(self, finished: Finished, /) -> None:
        """See `Hook`."""
        import httpx

        from workflows.hooks.guard import Refused

        body = _body(finished)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client() as client,
                client.stream(
                    "POST", self.url, content=body, headers=self._headers(finished, body)
                ) as answer,
            ):
                if not answer.is_success:
                    raise self._refused(answer, await _beginning(answer))
        except TimeoutError:
            raise TryAgain(f"{self._shown} did not answer within {self._timeout:g} seconds") from None
        except Refused as error:
            raise NonRetryableError(f"{self._shown} was not called: {error}; is it internal=True?") from error
        except httpx.HTTPError as error:
            raise TryAgain(f"{self._shown} could not be reached: {type(error).__name__}: {error}") from error

    def _client(self) -> httpx.AsyncClient:
        import httpx

        from workflows.hooks.guard import GuardedTransport

        if self._internal:
            secure = _trusted() if self.url.startswith("https") else False
            return httpx.AsyncClient(verify=secure, timeout=self._timeout)
        guard = GuardedTransport(seconds=self._timeout, verify=_trusted())
        return httpx.AsyncClient(transport=guard, timeout=self._timeout)

    def _headers(self, finished: Finished, body: bytes) -> dict[str, str]:
        key = key_of(self._secret() if callable(self._secret) else self._secret)
        timestamp = int(finished.at.timestamp())
        return {
            "content-type": "application/json",
            "user-agent": "perdure",
            "webhook-id": finished.delivery,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(key, id=finished.delivery, timestamp=timestamp, body=body),
        }

    def _refused(self, answer: httpx.Response, said: str) -> WorkflowError:
        text = f"{self._shown} answered {answer.status_code}{said}"
        if answer.status_code == _GONE:
            return NonRetryableError(f"{text}: it wants no more deliveries")
        if answer.is_redirect:
            return TryAgain(f"{text}: redirects are not followed, give the webhook its new url")
        wait = answer.headers.get("retry-after", "")
        return TryAgain(text, after=float(wait) if wait.isdecimal() else None)


def _body(finished: Finished) -> bytes:
    """The same for every attempt."""
    error = finished.error
    message: dict[str, Any] = {
        "type": f"workflow.{finished.status}",
        "timestamp": finished.finished_at,
        "data": {
            "workflow": finished.workflow,
            "id": finished.id,
            "status": finished.status,
            "output": finished.output,
            "error": None if error is None else {"name": error.name, "message": error.message},
            "created_at": finished.created_at,
            "finished_at": finished.finished_at,
        },
    }
    try:
        return pydantic_core.to_json(message, bytes_mode="base64", inf_nan_mode="null")
    except pydantic_core.PydanticSerializationError as error_:
        raise NonRetryableError(f"the output of {finished.workflow} cannot be JSON: {error_}") from None


async def _beginning(answer: httpx.Response) -> str:
    async for part in answer.aiter_bytes(_SHOWN):
        said = part.decode("utf-8", "replace").strip()
        return f" ({said!r})" if said else ""
    return ""


def _plain(parts: SplitResult) -> str:
    """Without user, password, query and fragment: they may be secret, and this is stored."""
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Reading the certificates takes as long as a delivery."""
    import httpx

    return httpx.create_ssl_context()
