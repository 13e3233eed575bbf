"""What the agents that review pull requests are given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response

from agents_sdk.security import Principal, Secret
from integrations.github.address import is_repository
from integrations.github.env import PullEnv
from integrations.github.errors import GitHubNotConfigured

__all__ = ["AgentEnv", "agent_name", "repository_of"]


@dataclass(frozen=True, slots=True)
class AgentEnv(PullEnv):
    """Give it to the app as `env`: agents and workflows take what they need from it."""

    repositories: Collection[str] = ()
    """`owner/name` of those that are reviewed; deliveries of others are refused."""
    secrets: Collection[Secret] = field(default=(), repr=False)
    """Of the webhook; several while one takes the place of another."""
    poll: str = "*/15 * * * *"
    """When open pull requests are looked through for what no delivery told, as cron in UTC."""
    drafts: bool = False
    post: bool = True

    def __post_init__(self) -> None:
        for one in self.repositories:
            if not is_repository(one):
                raise GitHubNotConfigured(f"{one!r} is no repository: write OWNER/NAME")

    async def webhooks_only(self, request: HTTPConnection, agent: str, name: str) -> Response | Principal:  # noqa: ARG002
        """For `on_before_request` of the app: lets deliveries for known repositories in, and nobody else.

        Whether they are signed, the agent finds out: only it reads the body.
        """
        signed = request.headers.get("x-hub-signature-256")
        known = repository_of(name).lower() in {one.lower() for one in self.repositories}
        if request.scope.get("method") != "POST" or signed is None or not known:
            return PlainTextResponse("Not Found", status_code=404)
        return Principal("webhook")


def agent_name(repository: str) -> str:
    """The name of the agent of `owner/name`, as it stands in the URL: `owner.name`."""
    return repository.replace("/", ".", 1)


def repository_of(name: str) -> str:
    """The repository of an agent; owners have no dot."""
    return name.replace(".", "/", 1)
