"""An agent for each repository, which reviews its pull requests."""

from integrations.github.agent.agent import PullRequestAgent
from integrations.github.agent.env import AgentEnv, agent_name
from integrations.github.agent.state import RepositoryState, Reviewed
from integrations.github.agent.workflow import ReviewForAgent

__all__ = ["AgentEnv", "PullRequestAgent", "RepositoryState", "ReviewForAgent", "Reviewed", "agent_name"]
