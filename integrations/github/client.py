"""`GitHub`: the few requests that a review needs. The token goes to the host that it is for, only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from integrations.code_review.visible import visible
from integrations.github.errors import GitHubLater, GitHubRefused
from integrations.github.seen import Author, Comment, Compared, File, Pull, Review
from integrations.github.site import Site
from integrations.github.verdict import classify

if TYPE_CHECKING:
    import httpx

__all__ = ["GitHub"]

M = TypeVar("M", bound=BaseModel)

_VERSION = "2022-11-28"
_SECONDS = 30.0
_MOST_BYTES = 32 << 20
_MOST_PAGES = 100
_PER_PAGE = 100
_REDIRECTS = 3
_KEEPING = (307, 308)
"""Redirects that keep method and body."""
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_IN_DOUBT = 60.0
"""Seconds after a request without an answer in which it may still take effect."""


class GitHub:
    """One GitHub, over a few connections. Raises `GitHubRefused`, or `GitHubLater` to be tried again."""

    def __init__(self, site: Site, *, now: Callable[[], float] = time.time) -> None:
        self._site = site
        self._now = now
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        import httpx

        headers = {
            "accept": "application/vnd.github+json",
            "x-github-api-version": _VERSION,
            "user-agent": "perdure",
        }
        self._http = httpx.AsyncClient(headers=headers, timeout=_SECONDS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None
        await self._http.aclose()

    async def login(self) -> str:
        """Whom the token acts as."""
        return self._site.login or (await self._one(Author, "GET", "/user")).login

    async def pull(self, repository: str, number: int) -> Pull:
        """A pull request, as it is now."""
        return await self._one(Pull, "GET", f"/repos/{repository}/pulls/{number}")

    async def open_pulls(self, repository: str) -> list[Pull]:
        """All that are open."""
        return await self._all(Pull, f"/repos/{repository}/pulls", {"state": "open"})

    async def merge_base(self, repository: str, base: str, head: str) -> str:
        """The commit that both have in common."""
        path = f"/repos/{repository}/compare/{base}...{head}"
        found = await self._one(Compared, "GET", path, query={"per_page": "1"})
        return found.merge_base_commit.sha

    async def files(self, repository: str, number: int) -> list[File]:
        """What it changes, with the hunks that comments may stand in; at most 3,000, says GitHub."""
        return await self._all(File, f"/repos/{repository}/pulls/{number}/files")

    async def reviews(self, repository: str, number: int) -> list[Review]:
        """All reviews of it, by whomever."""
        return await self._all(Review, f"/repos/{repository}/pulls/{number}/reviews")

    async def comments(self, repository: str, number: int) -> list[Comment]:
        """All comments at its lines, by whomever."""
        return await self._all(Comment, f"/repos/{repository}/pulls/{number}/comments")

    async def comment(self, repository: str, id: int) -> Comment:
        """One comment at a line."""
        return await self._one(Comment, "GET", f"/repos/{repository}/pulls/comments/{id}")

    async def post_review(self, repository: str, number: int, review: Mapping[str, Any]) -> Review:
        """Adds a review. An answer that is lost raises `GitHubLater`, though it may have been added."""
        return await self._one(Review, "POST", f"/repos/{repository}/pulls/{number}/reviews", json=review)

    async def edit_comment(self, repository: str, id: int, body: str) -> Comment:
        """Replaces the text of an own comment."""
        path = f"/repos/{repository}/pulls/comments/{id}"
        return await self._one(Comment, "PATCH", path, json={"body": body})

    async def _one(
        self,
        model: type[M],
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> M:
        answer = await self._asked(method, self._url(path, query), json)
        return self._read(model, answer.json(), f"{method} {path}")

    async def _all(self, model: type[M], path: str, query: Mapping[str, str] | None = None) -> list[M]:
        """The pages one after the other, by the links that GitHub gives."""
        found: list[M] = []
        url: str | None = self._url(path, {**(query or {}), "per_page": str(_PER_PAGE)})
        for _page in range(_MOST_PAGES):
            if url is None:
                return found
            answer = await self._asked("GET", url, None)
            listed = answer.json()
            if not isinstance(listed, list):
                raise GitHubRefused(f"GitHub answered GET {path} with no list")
            found += [self._read(model, one, f"GET {path}") for one in listed]
            url = answer.links.get("next", {}).get("url")
        raise GitHubRefused(f"GET {path} has more than {_MOST_PAGES * _PER_PAGE:,} entries")

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        import httpx

        return str(httpx.URL(f"{self._site.api}{path}", params=dict(query or {})))

    def _read(self, model: type[M], content: Any, what: str) -> M:
        try:
            return model.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = visible(".".join(map(str, first["loc"])))
            raise GitHubRefused(
                f"GitHub answered {what} with something else: {where}: {first['msg']}"
            ) from None

    async def _asked(self, method: str, url: str, json: Mapping[str, Any] | None) -> httpx.Response:
        """The successful answer; redirects are followed on the same host only: they carry the token."""
        answer = await self._sent(method, url, json)
        for _hop in range(_REDIRECTS):
            if not answer.has_redirect_location or (method != "GET" and answer.status_code not in _KEEPING):
                break
            answer = await self._sent(method, str(answer.url.join(answer.headers["location"])), json)
        return self._succeeded(answer, f"{method} {answer.url.path}")

    async def _sent(self, method: str, url: str, json: Mapping[str, Any] | None) -> httpx.Response:
        import httpx

        assert self._http is not None, "use `async with GitHub(site)`"
        what = f"{method} {httpx.URL(url).path}"
        if not self._site.same_host(url):
            raise GitHubRefused(f"{what} leads to {httpx.URL(url).host}, which does not get the token")
        token = self._site.token
        headers = {} if token is None else {"authorization": f"Bearer {token.reveal()}"}
        try:
            async with self._http.stream(method, url, json=json, headers=headers) as answer:
                return await _whole(answer, what)
        except (httpx.TransportError, httpx.DecodingError) as error:
            sent = method != "GET" and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            reason = f"{type(error).__name__}: {visible(str(error))}".removesuffix(": ")
            raise GitHubLater(f"{what} came to no answer ({reason})", _IN_DOUBT if sent else None) from None

    def _succeeded(self, answer: httpx.Response, what: str) -> httpx.Response:
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.is_success and content is not None:
            return answer
        if answer.is_success:
            raise GitHubLater(f"GitHub answered {what} with no JSON")
        said = str(content.get("message", "")) if isinstance(content, dict) else answer.text
        errors = content.get("errors") if isinstance(content, dict) else None
        told = f"{said} {errors}" if errors else said
        raise classify(answer.status_code, answer.headers, told, what=what, now=self._now())


async def _whole(answer: httpx.Response, what: str) -> httpx.Response:
    """The answer with its body, up to a size that `aread` would not know."""
    import httpx

    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _MOST_BYTES:
            raise GitHubRefused(f"GitHub answered {what} with more than {_MOST_BYTES >> 20} MiB")
    headers = [(name, value) for name, value in answer.headers.items() if name not in _OF_THE_BODY]
    return httpx.Response(answer.status_code, headers=headers, content=bytes(body), request=answer.request)
