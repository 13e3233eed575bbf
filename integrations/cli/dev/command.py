"""The command itself."""

from __future__ import annotations

from socket import socket
from typing import Annotated

import typer

from integrations.cli.dev.address import listen, refuse_strangers
from integrations.cli.dev.target import Target
from integrations.cli.errors import ExitCode

__all__ = ["dev"]

_LOOK_EVERY = 0.5
_STOP_WITHIN = 5
_LONGEST_FRAME = 32 << 20
_WEBSOCKETS = "agents_sdk.sockets.uvicorn:Protocol"


def dev(
    app: Annotated[str, typer.Argument(metavar="MODULE:APP", help="An ASGI app, e.g. main:app.")],
    host: Annotated[str, typer.Option(help="An address of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65_535)] = 8787,
    reload: Annotated[bool, typer.Option(help="Serve anew when a .py file here changes.")] = True,
    insecure_no_auth: Annotated[
        bool, typer.Option("--insecure-no-auth", help="Listen also where other machines can reach it.")
    ] = False,
) -> int:
    """Serve an app on this machine, and again whenever its source changes."""
    if not insecure_no_auth:
        refuse_strangers(host)
    target = Target.of(app)
    target.check()
    bound = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"{target} at http://{shown}:{bound.getsockname()[1]} (Ctrl+C stops it)", err=True)

    return _serve(target, bound, reload=reload)


def _serve(target: Target, bound: socket, *, reload: bool) -> int:
    from uvicorn import Config, Server

    from integrations.cli.dev.reload import SourceReload

    config = Config(
        str(target),
        reload=reload,
        reload_delay=_LOOK_EVERY,
        proxy_headers=False,
        timeout_graceful_shutdown=_STOP_WITHIN,
        ws=_WEBSOCKETS,
        ws_max_size=_LONGEST_FRAME,
    )
    server = Server(config)
    try:
        if reload:
            SourceReload(config, target=server.run, sockets=[bound]).run()
        else:
            server.run(sockets=[bound])
    except KeyboardInterrupt:
        return ExitCode.CLEAN  # Ctrl+C is how it ends
    except SystemExit:
        return ExitCode.REFUSED  # the app did not start, and uvicorn has said why
    return ExitCode.CLEAN if reload or server.started else ExitCode.REFUSED
