"""`FakeGitHub`: pull requests of a local repository, over HTTP on this machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from integrations.github.site import Site
from integrations.github.testing.fault import Asked, Fault
from integrations.github.testing.hosted import Hosted, HostedPull, Unacceptable
from integrations.github.testing.repository import LocalRepository

__all__ = ["FakeGitHub"]

_API = "/api/v3"
_HIDDEN = "not found"


class FakeGitHub:
    """Answers what `GitHub` asks, on a free port of 127.0.0.1, for whoever has `token`.

    It refuses what GitHub refuses: comments outside of hunks, bodies that are too long. `faults` are played
    in order, `asked` is every request that came in. It is only what reviews of pull requests need.
    """

    def __init__(self, *, token: str = "token-of-the-bot", login: str = "review-bot") -> None:  # noqa: S107
        self.token = token
        self.login = login
        self.repositories: dict[str, Hosted] = {}
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.latency = 0.0
        """Seconds between a request and its effect; a client that goes away meanwhile changes nothing."""
        self.page = 100
        self._socket: socket.socket | None = None
        self._stack = contextlib.AsyncExitStack()
        self._under_way: set[asyncio.Task[Response]] = set()

    def host(self, name: str, path: Path) -> Hosted:
        """Hosts the repository at `path` as `owner/name`."""
        self.repositories[name] = Hosted(name, LocalRepository(path))
        return self.repositories[name]

    @property
    def web(self) -> str:
        """Where its pages would be."""
        if self._socket is None:
            raise RuntimeError("the fake GitHub is not running: use `async with FakeGitHub()`")
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def api(self) -> str:
        """As GITHUB_API_URL takes it."""
        return self.web + _API

    def site(self) -> Site:
        """The site, with the token."""
        return Site.of(self.api, token=self.token)

    def count(self, method: str, ending: str) -> int:
        """How many requests came in."""
        return sum(one.method == method and one.path.endswith(ending) for one in self.asked)

    def webhook(
        self, hosted: Hosted, pull: HostedPull, action: str, *, secret: str, delivery: str
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery, signed."""
        content = {"action": action, "number": pull.number, "repository": {"full_name": hosted.name}}
        body = json.dumps({**content, "pull_request": hosted.shown(pull)}).encode()
        return self.signed("pull_request", body, secret=secret, delivery=delivery), body

    @staticmethod
    def signed(event: str, body: bytes, *, secret: str, delivery: str) -> dict[str, str]:
        """The headers that GitHub gives a delivery."""
        return {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": delivery,
            "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        }

    async def __aenter__(self) -> Self:
        self._socket = self._stack.enter_context(socket.socket())
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(self._app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        server = _Quiet(config)
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)

        async def end() -> None:
            server.should_exit = True
            await serving

        self._stack.push_async_callback(end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._take, methods=["GET", "POST", "PATCH"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path.removeprefix(_API)
        asked = Asked(request.method, path, request.headers.get("authorization", ""), body)
        self.asked.append(asked)
        work = asyncio.create_task(self._after_latency(request, asked))
        self._under_way.add(work)  # goes on when the client does not
        work.add_done_callback(self._under_way.discard)
        return await asyncio.shield(work)

    async def _after_latency(self, request: Request, asked: Asked) -> Response:
        await asyncio.sleep(self.latency)
        fault = next((one for one in self.faults if one.fits(asked)), None)
        if fault is not None:
            fault.times -= 1
            if not fault.done:
                return _faulty(fault)
        answer = await asyncio.to_thread(self._answer, request, asked)
        return answer if fault is None else _faulty(fault)

    def _answer(self, request: Request, asked: Asked) -> Response:
        try:
            if not request.url.path.startswith(_API):
                return self._git(request, asked)
            if asked.authorization != f"Bearer {self.token}":
                return _refusal(401, "Bad credentials")
            return self._routed(request, asked)
        except (KeyError, ValueError, subprocess.CalledProcessError):
            return _refusal(404, "Not Found")
        except Unacceptable as refused:
            return _refusal(422, str(refused))

    def _git(self, request: Request, asked: Asked) -> Response:
        pair = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        if asked.authorization != f"Basic {pair}":
            return PlainTextResponse("no", status_code=401)
        name, _, rest = asked.path.lstrip("/").partition(".git/")
        git, version = self.repositories[name].git, request.headers.get("git-protocol", "")
        kind = "advertisement" if asked.method == "GET" else "result"
        content = (
            git.advertise(version)
            if asked.method == "GET"
            else git.upload(_unzipped(request, asked), version)
        )
        assert rest in ("info/refs", "git-upload-pack")
        return Response(content, media_type=f"application/x-git-upload-pack-{kind}")

    def _routed(self, request: Request, asked: Asked) -> Response:
        match asked.method, asked.path.strip("/").split("/"):
            case "GET", ["user"]:
                return JSONResponse({"login": self.login})
            case method, ["repos", owner, name, *rest]:
                hosted = self.repositories[f"{owner}/{name}"]
                return self._repository(request, hosted, method, rest, asked.body)
        return _refusal(404, _HIDDEN)

    def _repository(
        self, request: Request, hosted: Hosted, method: str, rest: Sequence[str], body: bytes
    ) -> Response:
        match method, rest:
            case "GET", ["pulls"]:
                pulls = [hosted.shown(pull) for pull in hosted.pulls.values() if pull.state == "open"]
                return self._paged(request, pulls)
            case "GET", ["compare", both]:
                base, _, head = both.partition("...")
                return JSONResponse({"merge_base_commit": {"sha": hosted.git.merge_base(base, head)}})
            case "GET", ["pulls", "comments", id]:
                pull, said = next((p, s) for p, s in _comments(hosted) if s.id == int(id))
                return JSONResponse(hosted.shown_comment(pull, said))
            case "PATCH", ["pulls", "comments", id]:
                pull, said = next((p, s) for p, s in _comments(hosted) if s.id == int(id))
                said.body = json.loads(body)["body"]
                return JSONResponse(hosted.shown_comment(pull, said))
            case _, ["pulls", number, *what]:
                return self._pull(request, hosted, hosted.pulls[int(number)], method, what, body)
        return _refusal(404, _HIDDEN)

    def _pull(
        self,
        request: Request,
        hosted: Hosted,
        pull: HostedPull,
        method: str,
        what: Sequence[str],
        body: bytes,
    ) -> Response:
        match method, what:
            case "GET", []:
                return JSONResponse(hosted.shown(pull))
            case "GET", ["files"]:
                files = [{"filename": one.name, "patch": one.patch} for one in hosted.changed(pull)]
                return self._paged(
                    request, [one if one["patch"] else {"filename": one["filename"]} for one in files]
                )
            case "GET", ["reviews"]:
                return self._paged(request, pull.reviews)
            case "GET", ["comments"]:
                return self._paged(request, [hosted.shown_comment(pull, said) for said in pull.comments])
            case "POST", ["reviews"]:
                return JSONResponse(hosted.review(pull, self.login, json.loads(body)))
        return _refusal(404, _HIDDEN)

    def _paged(self, request: Request, items: Sequence[dict[str, Any]]) -> Response:
        size = min(int(request.query_params.get("per_page", "30")), self.page)
        number = int(request.query_params.get("page", "1"))
        headers = {}
        if len(items) > number * size:
            following = request.url.include_query_params(page=number + 1)
            headers["link"] = f'<{following}>; rel="next", <{request.url}>; rel="first"'
        return JSONResponse(list(items[(number - 1) * size : number * size]), headers=headers)


class _Quiet(uvicorn.Server):
    """Leaves the signals to whoever has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _comments(hosted: Hosted) -> Iterator[tuple[HostedPull, Any]]:
    return ((pull, said) for pull in hosted.pulls.values() for said in pull.comments)


def _faulty(fault: Fault) -> Response:
    content = {"message": fault.message} if fault.content is None else fault.content
    return JSONResponse(content, status_code=fault.status, headers=dict(fault.headers))


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)


def _unzipped(request: Request, asked: Asked) -> bytes:
    return gzip.decompress(asked.body) if request.headers.get("content-encoding") == "gzip" else asked.body
