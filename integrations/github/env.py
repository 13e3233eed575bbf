"""What reviews of pull requests take from the engine's `env`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from integrations.code_review import ReviewEnv
from integrations.github.errors import GitHubNotConfigured
from integrations.github.patience import Patience
from integrations.github.site import Site

__all__ = ["PullEnv"]


@dataclass(frozen=True, slots=True)
class PullEnv(ReviewEnv):
    """The model of `ReviewEnv`, and GitHub. An env of another class may have these attributes too."""

    github: Site | None = None
    mirrors: Path = Path(".agents/mirrors")
    """Where commits are kept; it may be deleted whenever no review is under way."""
    patience: Patience = field(default_factory=Patience)
    """How requests to GitHub are tried again."""
    settle: float = 10.0
    """Seconds after a crash in which a request that was on its way may still reach GitHub."""

    @property
    def site(self) -> Site:
        """The GitHub that is meant; raises `GitHubNotConfigured`."""
        if self.github is None:
            raise GitHubNotConfigured("no GitHub is configured: give PullEnv(github=Site.from_environment())")
        return self.github
