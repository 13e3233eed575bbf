"""SEC-20: URLs that somebody else has chosen reach public addresses, or nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.workflows.hooks.receiver import Receiver, receiving
from workflows import Finished, NonRetryableError, WorkflowError
from workflows.hooks import Webhook, new_secret
from workflows.hooks.guard import GuardedTransport, Refused, guarded_client, is_public

pytestmark = pytest.mark.anyio

_connections: list[Any] = []
_watching: list[bool] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching:
        _connections.append(arguments[1])


sys.addaudithook(_watch)  # sees every connection of this process; it cannot be taken away again


@contextmanager
def watched() -> Iterator[list[Any]]:
    """The addresses that were connected to meanwhile."""
    _connections.clear()
    _watching.append(True)
    try:
        yield _connections
    finally:
        _watching.pop()


NAMES = {
    "loopback.test": ["127.0.0.1"],
    "private.test": ["10.0.0.7"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mixed6.test": ["2606:2800:220:1::1", "::1"],
    "mapped.test": ["::ffff:10.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "scoped.test": ["fe80::1%eth0"],
    "public.test": ["93.184.216.34"],
    "public6.test": ["2606:2800:220:1::1", "93.184.216.34"],
    "none.test": [],
}


async def stub(host: str, port: int) -> list[str]:
    """DNS for names, the system's own reading for everything that is an address."""
    if host in NAMES:
        return NAMES[host]
    if host.endswith(".test"):
        raise socket.gaierror("unknown")
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


BYPASSES = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://loopback.test/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://public.test@127.0.0.1/",
    "https://public.test:443@[::1]/",
    "https://127.0.0.1#@public.test/",
    "https://127.0.0.1%2f@10.0.0.1/",
    "https://private.test/",
    "https://metadata.test/",
    "https://mixed.test/",
    "https://mixed6.test/",
    "https://mapped.test/",
    "https://nat64.test/",
    "https://scoped.test/",
    "https://none.test/",
    "https://unknown.test/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "http://public.test/",
    "ftp://public.test/",
    "file:///etc/passwd",
    "gopher://public.test/",
    "https:///",
]


async def test_sec_20_no_bypass_makes_a_connection() -> None:
    assert len(BYPASSES) >= 40
    with watched() as connections:
        async with httpx.AsyncClient(transport=GuardedTransport(resolve=stub)) as client:
            for url in BYPASSES:
                with pytest.raises(
                    (Refused, httpx.InvalidURL, httpx.ConnectError, httpx.UnsupportedProtocol)
                ):
                    await client.get(url)
    assert connections == []


async def test_sec_20_what_is_watched_is_seen() -> None:
    with watched() as connections, receiving() as receiver:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(receiver.url)
    assert len(connections) == 1


class Far(httpx.AsyncBaseTransport):
    """A server of the internet: says what reached it, and sends on what was asked for."""

    def __init__(self) -> None:
        self.got: list[httpx.Request] = []
        self.down: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        if request.url.host in self.down:
            raise httpx.ConnectError("down")
        to = request.url.params.get("to")
        return httpx.Response(302, headers={"location": to}) if to else httpx.Response(200, text="hi")


def far_client(far: Far, **options: Any) -> httpx.AsyncClient:
    transport = GuardedTransport(inner=far, resolve=options.pop("resolve", stub), **options)
    return httpx.AsyncClient(transport=transport, follow_redirects=True, max_redirects=5)


async def test_sec_20_the_address_that_was_looked_at_is_the_one_that_is_called() -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0)

    far = Far()
    async with far_client(far, resolve=rebinding) as client:
        assert (await client.get("https://evil.test:8443/a?b")).text == "hi"
        with pytest.raises(Refused, match=r"evil\.test is 127\.0\.0\.1"):
            await client.get("https://evil.test/")
    [got] = far.got
    assert (got.url.host, got.url.port, got.url.raw_path) == ("93.184.216.34", 8443, b"/a?b")
    assert got.headers["host"] == "evil.test:8443"
    assert got.extensions["sni_hostname"] == "evil.test"


async def test_sec_20_the_next_address_is_tried() -> None:
    far = Far()
    far.down.add("2606:2800:220:1::1")
    async with far_client(far) as client:
        assert (await client.post("https://public6.test/", content=b"x")).status_code == 200
    assert [one.url.host for one in far.got] == ["2606:2800:220:1::1", "93.184.216.34"]


@pytest.mark.parametrize(
    "to", ["https://127.0.0.1/", "http://public.test/", "https://metadata.test/x", "//[::1]/"]
)
async def test_sec_20_each_redirect_is_looked_at(to: str) -> None:
    far = Far()
    async with far_client(far) as client:
        with pytest.raises(Refused):
            await client.get("https://public.test/", params={"to": to})
    assert len(far.got) == 1


async def test_sec_20_redirects_lose_the_authorization() -> None:
    far = Far()
    async with far_client(far) as client:
        secret = {"authorization": "Bearer x"}
        await client.get("https://public.test/", params={"to": "https://public6.test/"}, headers=secret)
        assert [one.headers.get("authorization") for one in far.got] == ["Bearer x", None]


class Loop(Far):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return httpx.Response(302, headers={"location": "/again"})


async def test_sec_20_redirects_end() -> None:
    loop = Loop()
    async with far_client(loop) as client:
        with pytest.raises(httpx.TooManyRedirects):
            await client.get("https://public.test/")
    assert len(loop.got) == 6
    assert guarded_client().max_redirects == 5


async def test_sec_20_a_listed_host_may_be_anywhere_and_leads_nowhere_else() -> None:
    with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
        transport = GuardedTransport(http=True, hosts=["Loopback.test"], resolve=stub)
        async with httpx.AsyncClient(transport=transport) as client:
            assert (await client.post(f"http://loopback.test:{port}/in")).status_code == 204
            with pytest.raises(Refused):
                await client.post(f"http://127.0.0.1:{port}/in")
    [got] = receiver.got
    assert got.headers["host"] == f"loopback.test:{port}"


class Drip(httpx.AsyncBaseTransport):
    """Ten bytes, and then ten more, for as long as anybody reads."""

    def __init__(self, *, stalls: bool = False) -> None:
        self.stalls = stalls
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.drip(), headers={"content-encoding": "gzip"})

    async def drip(self) -> AsyncIterator[bytes]:
        while True:
            if self.stalls and self.sent:
                await asyncio.Event().wait()
            self.sent += 10
            yield b"0123456789"


async def test_sec_20_an_answer_has_an_end() -> None:
    drip = Drip()
    async with httpx.AsyncClient(transport=GuardedTransport(inner=drip, resolve=stub, most=100)) as client:
        with pytest.raises(Refused, match="more than 100 bytes"):
            await client.get("https://public.test/")
    assert drip.sent == 110
    stalled = GuardedTransport(inner=Drip(stalls=True), resolve=stub, seconds=0.05)
    async with httpx.AsyncClient(transport=stalled) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("https://public.test/")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_what_is_no_address_is_not_public() -> None:
    assert not is_public("public.test")


def told() -> Finished:
    now = datetime.now(UTC)
    return Finished(
        workflow="W", id="i", status="complete", output=1, error=None,
        created_at=now, finished_at=now, delivery="d", at=now,
    )  # fmt: skip


@pytest.mark.parametrize("url", ["https://127.0.0.1:{}/", "https://localhost:{}/", "https://[::1]:{}/x"])
async def test_sec_22_a_webhook_reaches_nothing_internal_unless_that_is_said(url: str) -> None:
    with watched() as connections, receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        with pytest.raises(NonRetryableError, match="internal=True"):
            await Webhook(url.format(port), secret=new_secret()).deliver(told())
        assert (connections, receiver.got) == ([], [])


async def test_sec_22_an_internal_webhook_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    secret = new_secret()
    receiver: Receiver
    with receiving() as receiver:
        with pytest.raises(WorkflowError, match="https"):
            Webhook(receiver.url, secret=secret)
        await Webhook(receiver.url, secret=secret, internal=True).deliver(told())
    assert receiver.got[0].is_signed_with(secret)
