"""S10: where a token may go, and where it never goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from integrations.github import GitHub, GitHubLater, GitHubNotConfigured, GitHubRefused, PullAddress, Site
from integrations.github.address import review_id
from integrations.github.mirror import Mirror
from integrations.github.testing import Fault
from tests.agents_sdk.served import served
from tests.integrations.github.hosting import NAME, place


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.github.com/", "https://github.com"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com"),
        ("http://127.0.0.1:8000/api/v3", "http://127.0.0.1:8000"),
        ("http://localhost/api/v3", "http://localhost"),
        ("https://git.example:8443/api/v3", "https://git.example:8443"),
    ],
)
def test_known_sites(api: str, web: str) -> None:
    assert Site.of(api, token="t", hosts=["git.example"]).web == web


@pytest.mark.parametrize(
    "api",
    [
        "http://api.github.com",
        "https://api.github.com.evil.example",
        "https://evil.example/api/v3",
        "https://git.example/api/v3",
        "https://user@api.github.com",
        "https://api.github.com?x=1",
        "https://api.github.com/elsewhere",
        "http://10.0.0.1/api/v3",
        "ftp://127.0.0.1/api/v3",
        "api.github.com",
        "https://[::1",
        "",
    ],
)
def test_refused_sites(api: str) -> None:
    with pytest.raises(GitHubNotConfigured):
        Site.of(api, token="t")


def test_the_environment_names_a_site_and_no_token_is_shown() -> None:
    environ = {"GITHUB_TOKEN": "very-secret", "GITHUB_ACTIONS": "true"}
    site = Site.from_environment(environ)
    assert (site.web, site.login) == ("https://github.com", "github-actions[bot]")
    assert "very-secret" not in f"{site!r} {site}"
    own = {"GITHUB_API_URL": "https://git.example/api/v3", "GITHUB_HOSTS": "x.example, git.example"}
    assert Site.from_environment(own).web == "https://git.example"


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com.evil.example/octo/shop/pull/1",
        "https://evil.example/octo/shop/pull/1",
        "https://github.com/octo/shop/pull/0",
        "https://github.com/octo/../pull/1",
        "https://github.com/octo/shop/pull/1x",
        "https://github.com/octo/shop",
    ],
)
def test_what_is_no_pull_request(url: str) -> None:
    with pytest.raises(GitHubRefused):
        PullAddress.of_url(url, Site.of())


def test_a_pull_request_by_its_url() -> None:
    address = PullAddress.of_url("https://github.com/octo/shop/pull/12/files#diff", Site.of())
    assert (address.repository, address.number) == ("octo/shop", 12)


def test_the_id_of_a_review() -> None:
    # sha256 of "octo/shop", as sha256sum tells it
    assert review_id("octo/shop", 7, "a" * 40) == f"review-7-{'a' * 40}-3041f38b77e2"


@pytest.mark.anyio
async def test_a_redirect_to_another_host_does_not_get_the_token(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def catch(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        return PlainTextResponse("{}")

    thief = Starlette(routes=[Route("/{path:path}", catch, methods=["GET", "POST"])])
    async with served(thief, lifespan="off") as other, place(tmp_path) as here:
        for status in (301, 302, 307, 308):
            away = {"location": f"http://{other}/steal"}
            here.github.faults = [Fault(status, "GET", "/pulls/1", away), Fault(status, "GET", "/refs", away)]
            async with GitHub(here.github.site()) as github:
                with pytest.raises(GitHubRefused, match="does not get the token"):
                    await github.pull(NAME, 1)
            mirror = Mirror(here.github.site(), tmp_path / "m", NAME)
            with pytest.raises(GitHubLater):
                await _in_thread(mirror, here.asked().head)
    assert seen == []


@pytest.mark.anyio
async def test_a_redirect_on_the_same_host_is_followed_but_not_for_ever(tmp_path: Path) -> None:
    async with place(tmp_path) as here, GitHub(here.github.site()) as github:
        moved = {"location": f"{here.github.api}/repos/{NAME}/pulls/1"}
        here.github.faults = [Fault(301, "GET", "/pulls/1", moved)]
        assert (await github.pull(NAME, 1)).number == 1
        here.github.faults = [Fault(301, "GET", "/pulls/1", moved, times=99)]
        with pytest.raises(GitHubRefused, match="301"):
            await github.pull(NAME, 1)
        here.github.faults = [Fault(302, "POST", "/reviews", moved)]
        with pytest.raises(GitHubRefused, match="302"):
            await github.post_review(NAME, 1, {"body": "x"})


@pytest.mark.anyio
async def test_a_next_page_on_another_host_is_not_asked_for(tmp_path: Path) -> None:
    async with place(tmp_path) as here, GitHub(here.github.site()) as github:
        link = {"link": '<http://127.0.0.2:9/steal>; rel="next"'}
        here.github.faults = [Fault(200, "GET", "/reviews", link, content=[])]
        with pytest.raises(GitHubRefused, match=r"127\.0\.0\.2"):
            await github.reviews(NAME, 1)


@pytest.mark.anyio
async def test_a_mirror_has_objects_and_nothing_else(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.push({".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = http://127.0.0.1:9/x\n'})
        here.push({".gitattributes": "*.bin filter=lfs\n", "a.bin": "version https://git-lfs\n"})
        path = await _in_thread(Mirror(here.github.site(), tmp_path / "m", NAME), here.asked().head)
    assert not (path / "index").exists()
    assert list((path / "hooks").glob("*")) == []
    assert not (path / "modules").exists()
    assert not (path / "lfs").exists()


async def _in_thread(mirror: Mirror, head: str) -> Path:
    return await asyncio.to_thread(mirror.fetch, head)
