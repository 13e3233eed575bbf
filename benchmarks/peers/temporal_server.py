"""Temporal: its development server on loopback with a SQLite file, and its Python SDK."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.child import Reply, Request, Unavailable, answer
from benchmarks.load import measured, pay

_PATIENCE = 60.0
_QUEUE = "bench"


@activity.defn
async def step(number: int) -> dict[str, Any]:
    """The least that a step can do."""
    return pay(number)


@workflow.defn
class Work:
    """As many steps as it is told."""

    @workflow.run
    async def run(self, steps: int) -> int:
        """The sum of what its steps returned."""
        total = 0
        for number in range(steps):
            receipt = await workflow.execute_activity(
                step, number, start_to_close_timeout=timedelta(minutes=1)
            )
            total += receipt["amount"]
        return total


async def _measured(request: Request) -> Reply:
    steps = request["steps"]
    done = 0
    with _server(Path(request["folder"])) as (address, server):
        client = await _connected(address)
        async with Worker(
            client,
            task_queue=_QUEUE,
            workflows=[Work],
            activities=[step],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):

            async def one(number: int) -> bool:
                nonlocal done
                total = await client.execute_workflow(Work.run, steps, id=f"w{number}", task_queue=_QUEUE)
                done += 1
                return bool(total == sum(range(steps)))

            told = await measured(request, one)
            present = await _steps_of(client, f"w{done - 1}") * done  # each was right: one stands for all
    versions = {"Temporal": f"{version('temporalio')}, server {server}"}
    return {**told, "present": present, "versions": versions}


async def _steps_of(client: Client, id: str) -> int:
    history = await client.get_workflow_handle(id).fetch_history()
    return sum(event.HasField("activity_task_completed_event_attributes") for event in history.events)


async def _connected(address: str) -> Client:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return await Client.connect(address)
        except RuntimeError as error:
            if time.monotonic() > until:
                raise Unavailable(f"its server did not start: {error}") from error
            await asyncio.sleep(0.1)


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, str]]:
    """Its address, and its version."""
    program = Path(sys.executable).with_name("temporal")
    if not program.exists():
        raise Unavailable("there is no program of its server")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Server ([\d.]+)", said)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    server = subprocess.Popen(
        [program, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port),
         "--db-filename", folder / "temporal.db", "--log-level", "never",
         "--sqlite-pragma", "synchronous=FULL"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"127.0.0.1:{port}", found[1] if found else "unknown"
    finally:
        server.terminate()
        server.wait(_PATIENCE)


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
