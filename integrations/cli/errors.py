"""What the command line cannot do: one sentence, one exit code."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CommandError", "ExitCode", "NotNow"]


class ExitCode(IntEnum):
    """What the shell is told."""

    CLEAN = 0
    FOUND = 1
    """Findings at or above `fail_on`."""
    REFUSED = 2
    """The question was wrong: options, folder, reference, diff or settings."""
    INCOMPLETE = 3
    """Something that should have been reviewed was not, or nothing could be, for now."""
    STOPPED = 130


class CommandError(Exception):
    """The command cannot be done as asked; the message names the thing and what to do next."""


class NotNow(Exception):
    """The same command may succeed later; the message says why it did not now."""
