"""What the command line refuses: one sentence, one exit code."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CommandError", "ExitCode"]


class ExitCode(IntEnum):
    """What the shell is told."""

    CLEAN = 0
    FOUND = 1
    """Findings at or above `fail_on`."""
    REFUSED = 2
    """The question was wrong: options, folder, reference, diff or settings."""
    INCOMPLETE = 3
    """Something that should have been reviewed was not."""
    STOPPED = 130


class CommandError(Exception):
    """The command cannot be done as asked; the message names the thing and what to do next."""
