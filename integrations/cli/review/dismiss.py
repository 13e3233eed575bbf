"""`agents review dismiss`: which findings are not to be told again."""

from __future__ import annotations

import json as json_module
import re
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from integrations.cli.errors import CommandError, ExitCode
from integrations.cli.out import answer, remark

__all__ = ["dismiss"]

_FINGERPRINT = re.compile(r"[0-9a-f]{12,64}")


def dismiss(
    fingerprints: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FINGERPRINT]...", help="As reports show them: at least 12 characters."),
    ] = None,
    of: Annotated[
        str, typer.Option(metavar="FOLDER|OWNER/NAME", help="Whose findings; OWNER/NAME for reviews by URL.")
    ] = ".",
    agent: Annotated[
        str | None, typer.Option(metavar="URL", help="Tell the agent at this URL, which reviews for GitHub.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for those who read the list.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="They may be told again.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show what is dismissed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Show it as JSON.")] = False,
) -> int:
    """Say which findings are not to be told again, or show them.

    They leave their places to others in every later review; after --undo, `agents review --again` tells
    what a recorded one left out. Exit code 0, or 2 for a wrong question.
    """
    wanted = _checked(fingerprints or [])
    if not wanted and not listed:
        raise CommandError("name fingerprints, which stand in brackets behind findings, or ask with --list")
    if agent is not None:
        left = _told(agent, wanted, reason=reason, undo=undo)
    else:
        left = _kept(of, wanted, reason=reason, undo=undo)
    if json:
        answer(json_module.dumps(left, indent=2))
    elif listed:
        answer("\n".join(f"{one['fingerprint']}  {one['reason']}".rstrip() for one in left) or "none")
    return ExitCode.CLEAN


def _checked(fingerprints: list[str]) -> list[str]:
    from integrations.code_review.finding import SHORT

    for one in fingerprints:
        if not _FINGERPRINT.fullmatch(one):
            raise CommandError(f"{one!r} is no fingerprint: give at least 12 of its characters, 0-9 and a-f")
    return [one[:SHORT] for one in fingerprints]


def _kept(of: str, wanted: list[str], *, reason: str, undo: bool) -> list[dict[str, Any]]:
    from integrations.cli.review.dismissed import Dismissal, Dismissals
    from integrations.code_review import ReviewError
    from integrations.github.address import is_repository

    named = is_repository(of) and not Path(of).exists()
    try:
        kept = Dismissals.of_repository(of) if named else Dismissals.of_folder(Path(of))
    except ReviewError as error:
        raise CommandError(str(error)) from error
    if undo:
        for absent in sorted(set(wanted) - set(kept.remove(wanted))):
            remark(f"{absent} was not dismissed")
    elif wanted:
        kept.add(Dismissal(fingerprint=one, reason=reason, at=time.time()) for one in wanted)
    return [one.model_dump() for one in kept.all()]


def _told(agent: str, wanted: list[str], *, reason: str, undo: bool) -> list[dict[str, Any]]:
    from integrations.cli.review.agent_call import Action, tell_agent

    verb: Action = "restore" if undo else "dismiss"
    return tell_agent(agent, action=verb if wanted else "list", fingerprints=wanted, reason=reason)
