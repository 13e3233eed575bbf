"""The command itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from integrations.cli.errors import CommandError, ExitCode
from integrations.cli.out import remark
from workflows import StoreError
from workflows import backup as copy

__all__ = ["backup"]


def backup(
    source: Annotated[Path, typer.Argument(help="The file of an engine, or the data folder of agents.")],
    target: Annotated[Path, typer.Argument(help="Where the copy goes; it must not exist.")],
) -> int:
    """Copy a file, or all files of a data folder, while they are in use.

    Each file is copied as of one moment, private files of agents after the others. To restore, stop the
    program and put the copy in the place of what it was made of, without files that end in -wal or -shm.
    """
    if target.exists():
        raise CommandError(f"{target} exists already: choose another path for the copy")
    try:
        asyncio.run(_copied(source, target))
    except StoreError as error:
        raise CommandError(str(error)) from error
    remark(f"{source} is copied to {target}")
    return ExitCode.CLEAN


async def _copied(source: Path, target: Path) -> None:
    if not source.is_dir():  # noqa: ASYNC240  # nothing else runs
        await copy(source, target)
        return
    # A private file may know more than the journal, as after a crash between the two; never less.
    files = sorted(source.rglob("*.db"), key=lambda file: (len(file.parts), file))  # noqa: ASYNC240
    if not files:
        raise CommandError(f"{source} has no files to copy: name the data folder of agents, or one file")
    for file in files:
        place = target / file.relative_to(source)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await copy(file, place)
