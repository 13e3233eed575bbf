"""A fake GitHub on this machine, for tests and for demonstrations."""

from integrations.github.testing.fault import Asked, Fault
from integrations.github.testing.hosted import Hosted, HostedPull, Said
from integrations.github.testing.server import FakeGitHub

__all__ = ["Asked", "FakeGitHub", "Fault", "Hosted", "HostedPull", "Said"]
