"""What the child of the crash test runs, and what it tells: effects to a file, acknowledgements to a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from workflows import (
    Engine,
    InstanceFinished,
    StepContext,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowInstance,
    WorkflowStep,
)

__all__ = ["INSTANCES", "Mixed", "Witness", "drive"]

INSTANCES = 50
_TRANSIENT: Any = {"limit": 3, "delay": 0.002, "backoff": "constant"}


class Witness:
    """The two channels by which a process that is going to be killed tells what it has done.

    An effect is written before its step is recorded, an acknowledgement after the engine said that it was.
    """

    def __init__(self, process: int, effects: Path, acknowledgements: int) -> None:
        self._process = process
        self._effects = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._acknowledgements = acknowledgements

    def effect(self, instance: int, step: str, attempt: int) -> str:
        """The callback of a step does what cannot be undone; returns a value that no other call has."""
        value = f"{self._process}.{os.urandom(6).hex()}"
        os.write(self._effects, f"{instance} {step} {attempt} {self._process} {value}\n".encode())
        return value

    def acknowledged(self, instance: int, what: str, value: str) -> None:
        """The engine has said that something is done."""
        os.write(self._acknowledgements, f"{instance} {what} {value}\n".encode())


class Mixed(WorkflowEntrypoint[Witness, int]):
    """Steps in a row and side by side, in threads, failing ones, sleeps and events."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[str]:
        """The values of all its steps."""
        number = event.payload
        values = [await self._told(number, "first", step.do("first", self._slow, number, "first"))]
        await self._told(number, "nap", step.sleep("nap", 0.002 * (number % 7)))
        parts = [f"part{part}" for part in range(3)]
        values += await asyncio.gather(
            *(self._told(number, part, step.do(part, self._slow, number, part)) for part in parts)
        )
        values.append(await self._told(number, "thread", step.do("thread", self._threaded, number)))
        if number % 2:
            received = await step.wait_for_event("gate", "go", timeout="1 hour")
            self.env.acknowledged(number, "gate", received.payload)
        flaky = step.do("flaky", self._flaky, number, retries=_TRANSIENT)
        values.append(await self._told(number, "flaky", flaky))
        return values

    async def _told(self, number: int, what: str, step: Awaitable[Any]) -> str:
        value = str(await step)
        self.env.acknowledged(number, what, value)
        return value

    async def _slow(self, number: int, name: str, ctx: StepContext) -> str:
        value = self.env.effect(number, name, ctx.attempt)
        await asyncio.sleep(random.choice((0, 0, 0.001, 0.003)))
        return value

    def _threaded(self, number: int, ctx: StepContext) -> str:
        return self.env.effect(number, "thread", ctx.attempt)

    async def _flaky(self, number: int, ctx: StepContext) -> str:
        if ctx.attempt == 1:
            raise ConnectionError("once")
        return self.env.effect(number, "flaky", ctx.attempt)


async def drive(database: Path, witness: Witness, known: frozenset[tuple[int, str]]) -> None:
    """Creates what was not acknowledged before, sends what was not, and waits until everything has ended."""
    async with Engine(database, workflows=[Mixed], env=witness, quarantine_after=None) as engine:
        binding = engine.workflow(Mixed)

        async def see_to(number: int) -> None:
            id = str(number)
            if (number, "created") in known:
                instance = binding.get(id)
                await instance.status()  # an acknowledged instance that is lost raises InstanceNotFound
            else:
                instance = await binding.create(id=id, params=number, exist_ok=True)
                witness.acknowledged(number, "created", "-")
            if number % 2 and (number, "sent") not in known:
                await _sent(instance, number, witness)
            output: list[str] = await instance.result()
            witness.acknowledged(number, "output", ",".join(output))

        await asyncio.gather(*map(see_to, range(INSTANCES)))


async def _sent(instance: WorkflowInstance, number: int, witness: Witness) -> None:
    """Sends the event, perhaps again: an earlier process may have been killed before it told that it had."""
    with contextlib.suppress(InstanceFinished):  # it received the earlier one
        await instance.send_event("go", f"event{number}")
    witness.acknowledged(number, "sent", "-")
