"""Which GitHub, and with which token: the only hosts that a token is ever sent to."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self
from urllib.parse import SplitResult, urlsplit

from agents_sdk.security import Secret
from integrations.code_review.visible import visible
from integrations.github.errors import GitHubNotConfigured

__all__ = ["GITHUB_API", "Site"]

GITHUB_API = "https://api.github.com"
_ENTERPRISE = "/api/v3"
_ACTIONS_LOGIN = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Site:
    """One GitHub: where its API is, where its repositories are, and the token for both."""

    api: str
    web: str
    token: Secret | None = field(default=None, repr=False)
    login: str | None = None
    """Whom the token acts as; None: GitHub is asked."""

    @classmethod
    def of(
        cls,
        api: str = GITHUB_API,
        *,
        token: Secret | str | None = None,
        hosts: Collection[str] = (),
        login: str | None = None,
    ) -> Self:
        """The GitHub whose API is at `api`: github.com, one at ghe.com, this machine, or one of `hosts`.

        A server of your own has its API below `/api/v3`. Raises `GitHubNotConfigured`.
        """
        parts = _checked(api, hosts)
        secret = Secret(token) if isinstance(token, str) and token else token or None
        return cls(api.rstrip("/"), _web(parts), secret if isinstance(secret, Secret) else None, login)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """By `GITHUB_TOKEN`, `GITHUB_API_URL`, `GITHUB_HOSTS` (further hosts, by commas) and `GITHUB_LOGIN`.

        In GitHub Actions these are set, and the token is that of the Actions bot.
        """
        actions = _ACTIONS_LOGIN if environ.get("GITHUB_ACTIONS") == "true" else None
        return cls.of(
            environ.get("GITHUB_API_URL") or GITHUB_API,
            token=environ.get("GITHUB_TOKEN") or None,
            hosts=[one.strip() for one in environ.get("GITHUB_HOSTS", "").split(",") if one.strip()],
            login=environ.get("GITHUB_LOGIN") or actions,
        )

    def same_host(self, url: str) -> bool:
        """Whether a URL is one of this API: scheme, host and port."""
        return _origin(urlsplit(url)) == _origin(urlsplit(self.api))

    def clone_url(self, repository: str) -> str:
        """Where git finds `owner/name`."""
        return f"{self.web}/{repository}.git"


def _checked(api: str, hosts: Collection[str]) -> SplitResult:
    shown = visible(api)
    try:
        parts = urlsplit(api)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise GitHubNotConfigured(f"{shown!r} is not a URL: write {GITHUB_API}") from None
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise GitHubNotConfigured(f"the API's URL is scheme, host and path, such as {GITHUB_API}")
    here = _is_here(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise GitHubNotConfigured(f"{shown!r} would send the token unencrypted: use https")
    known = host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com"))
    if not known and not here and host not in {one.lower() for one in hosts}:
        raise GitHubNotConfigured(f"{host} is no known GitHub: if it is yours, name it in GITHUB_HOSTS")
    return parts


def _web(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    if path.endswith(_ENTERPRISE):
        return f"{parts.scheme}://{parts.netloc}{path.removesuffix(_ENTERPRISE)}"
    if path or not parts.netloc.startswith("api."):
        raise GitHubNotConfigured(f"the API of a GitHub of your own ends with {_ENTERPRISE}")
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default
