"""HTTP that leaves the network, and nothing else: for URLs that somebody else may have chosen."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import httpx

__all__ = ["GuardedTransport", "Refused", "guarded_client", "is_public"]

Resolve: TypeAlias = Callable[[str, int], Awaitable[Collection[str]]]

_MOST = 10 << 20
_SECONDS = 30.0
_REDIRECTS = 5
_EMBEDDING = IPv6Network("64:ff9b::/96")  # NAT64: an IPv4 address in its last 32 bits
_WORLD = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [ip_network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_NOT_PUBLIC_4 = [
    ip_network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # what a cloud tells its machines
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, and what is reserved
    )
]


class Refused(httpx.TransportError):
    """The URL, or what its host resolves to, is not for strangers to choose; nothing was sent."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not of this machine, not of a private network."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_4)
    if ip in _EMBEDDING:
        return is_public(str(IPv4Address(int(ip) & 0xFFFF_FFFF)))
    return _is_public_6(ip)


def _is_public_6(ip: IPv6Address) -> bool:
    """Those that carry an IPv4 address (mapped, compatible, 6to4, Teredo) are none of them."""
    return ip in _WORLD and not any(ip in network for network in _NOT_PUBLIC_6)


def guarded_client(
    *, http: bool = False, hosts: Collection[str] = (), most: int = _MOST, seconds: float = _SECONDS
) -> httpx.AsyncClient:
    """A client that reaches public addresses by https only, and follows five redirects, each looked at.

    `http=True` allows http, `hosts` names those that may resolve to anything. More than `most` bytes in an
    answer, or more than `seconds` for one, raise `Refused` and `httpx.TimeoutException`.
    """
    return httpx.AsyncClient(
        transport=GuardedTransport(http=http, hosts=hosts, most=most, seconds=seconds),
        follow_redirects=True,
        max_redirects=_REDIRECTS,
        timeout=seconds,
        headers={"accept-encoding": "identity"},
    )


class GuardedTransport(httpx.AsyncBaseTransport):
    """Resolves a host once, looks at every address, and connects to one of those: no second answer counts.

    The server is still asked for by its name, in `Host` and in TLS. Proxies of the environment are not used.
    """

    def __init__(
        self,
        *,
        http: bool = False,
        hosts: Collection[str] = (),
        most: int = _MOST,
        seconds: float = _SECONDS,
        verify: ssl.SSLContext | bool = True,
        inner: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """See `guarded_client`; `inner` sends, and `resolve` gives the addresses of a host."""
        self._schemes = ("https", "http") if http else ("https",)
        self._hosts = {host.lower() for host in hosts}
        self._most = most
        self._seconds = seconds
        self._inner = inner or httpx.AsyncHTTPTransport(
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),  # an address may serve several names
        )
        self._resolve = resolve or _resolved

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(until):
                addresses = await self._checked(request.url)
                answer = await self._sent(request, addresses)
        except TimeoutError:
            raise httpx.ReadTimeout(f"{request.url.host} did not answer in {self._seconds:g} s") from None
        if not isinstance(answer.stream, httpx.AsyncByteStream):
            raise Refused("the answer is no stream")
        # What is compressed stays so: nobody asked for it, and it may become anything.
        headers = [(name, value) for name, value in answer.headers.raw if name.lower() != b"content-encoding"]
        stream = _Bounded(answer.stream, self._most, until)
        return httpx.Response(
            answer.status_code, headers=headers, stream=stream, extensions=answer.extensions
        )

    async def aclose(self) -> None:
        """See httpx."""
        await self._inner.aclose()

    async def _checked(self, url: httpx.URL) -> list[str]:
        if url.scheme not in self._schemes:
            raise Refused(f"{url.scheme!r} is not allowed here: use {' or '.join(self._schemes)}")
        host = url.raw_host.decode("ascii").removesuffix(".").lower()
        try:
            found = await self._resolve(host, url.port or 443)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} is not known: {error}") from None
        addresses = [address.partition("%")[0] for address in found]
        if host not in self._hosts:
            for address in addresses:
                if not is_public(address):
                    raise Refused(f"{host} is {address}, which is no public address")
        return addresses

    async def _sent(self, request: httpx.Request, addresses: list[str]) -> httpx.Response:
        failure: httpx.TransportError = httpx.ConnectError(f"{request.url.host} has no address")
        name = request.url.raw_host.decode("ascii")
        for address in addresses:
            try:
                return await self._inner.handle_async_request(
                    httpx.Request(
                        request.method,
                        request.url.copy_with(host=address),
                        headers=request.headers,  # with the Host of the name
                        stream=request.stream,
                        extensions={**request.extensions, "sni_hostname": name},
                    )
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure


class _Bounded(httpx.AsyncByteStream):
    """The body of an answer, which ends when it is too long or takes too long."""

    def __init__(self, stream: httpx.AsyncByteStream, most: int, until: float) -> None:
        self._stream = stream
        self._most = most
        self._until = until

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        parts = aiter(self._stream)
        while True:
            try:
                async with asyncio.timeout_at(self._until):
                    part = await anext(parts, None)
            except TimeoutError:
                raise httpx.ReadTimeout("the answer took too long") from None
            if part is None:
                return
            left -= len(part)
            if left < 0:
                raise Refused(f"the answer has more than {self._most} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
