"""`agents`: one program, its commands, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, cast

import typer

from integrations.cli.backup.command import backup
from integrations.cli.dev.command import dev
from integrations.cli.errors import CommandError, ExitCode
from integrations.cli.review.command import review
from integrations.cli.review.dismiss import dismiss

__all__ = ["main"]

_commands = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_commands.command()(review)
_commands.command("review dismiss")(dismiss)
_commands.command()(dev)
_commands.command()(backup)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agents {version('perdure')}")
        raise typer.Exit


@_commands.callback(invoke_without_command=True)
def _agents(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Durable workflows and stateful agents, on your own machine."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code; what is refused is one line on stderr."""
    _spell_what_cannot_be_printed()
    try:
        words = _joined(sys.argv[1:] if arguments is None else arguments)
        code = _commands(args=words, prog_name="agents", standalone_mode=False)
    except (CommandError, typer.TyperException) as error:
        return _refused(error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.STOPPED
    return cast("int", code or ExitCode.CLEAN)


def _joined(arguments: Sequence[str]) -> list[str]:
    """`review` takes a folder or has a command below it; a folder of that name is `./dismiss`."""
    return ["review dismiss", *arguments[2:]] if [*arguments[:2]] == ["review", "dismiss"] else [*arguments]


def _refused(error: CommandError | typer.TyperException) -> int:
    message, see = str(error), ""
    if isinstance(error, typer.TyperException):
        message = error.format_message()
        context = getattr(error, "ctx", None)
        see = f" (see `{context.command_path} --help`)" if context else ""
    typer.echo(f"agents: {' '.join(message.split())}{see}", err=True)
    return ExitCode.REFUSED


def _spell_what_cannot_be_printed() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
