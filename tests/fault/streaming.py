"""Kills a process in the middle of a stream, again and again: `python -m tests.fault.streaming FOLDER`.

Each child drives one instance whose one step tells numbers from 0 on while it streams its result, and reads
what is told from where the reader of the child before it was. It says on a pipe what was acknowledged and
what was read. No child but the last comes to the end. The last line of the output is a report in JSON.
`--mutation` breaks the engine, which must be noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from workflows import Engine, StepContext, StreamReset, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.streams.chunks import LeasedChunks

NUMBERS = 120
PIECE = 30_000
_LONGEST_LIFE = 0.15
_ROW = struct.Struct("cqqq")
_RESET = -1


class Teller(WorkflowEntrypoint[tuple[int, bool], Any]):
    """`env` is the pipe, and whether this child may come to the end."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        """The size of what was streamed."""
        stream = await step.do("tell", self.tell)
        if await stream.read() != b"".join(bytes([number]) * PIECE for number in range(NUMBERS)):
            raise AssertionError("the result is not what the last attempt has streamed")
        return stream.size

    async def tell(self, ctx: StepContext) -> AsyncIterator[bytes]:
        """Every third part is awaited, and acknowledged."""
        for number in range(NUMBERS):
            part = ctx.stream(number)
            if number % 3 == 0:
                os.write(self.env[0], _ROW.pack(b"a", await part, ctx.attempt, number))
            if number == NUMBERS - 2 and not self.env[1]:
                await asyncio.get_running_loop().create_future()
            yield bytes([number]) * PIECE


def main() -> int:
    """1 when something acknowledged was lost, or a reader saw what it should not have, else 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutation", choices=("none", "no-reset", "early"), default="none")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    acknowledged: dict[int, tuple[int, int]] = {}
    read: list[tuple[int, int, int]] = []
    for _ in range(options.kills):
        _one_life(options, chance.random() * _LONGEST_LIFE, acknowledged, read)
    _one_life(options, None, acknowledged, read)
    resets = sum(number == _RESET for _, _, number in read)
    report: dict[str, Any] = {"seed": options.seed, "acknowledged": len(acknowledged), "resets": resets}
    report["violations"] = _violations(acknowledged, read)[:9]
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if report["violations"] else 0


def _violations(acknowledged: dict[int, tuple[int, int]], read: list[tuple[int, int, int]]) -> list[str]:
    found: list[str] = []
    kept = {offset: (attempt, number) for offset, attempt, number in read}
    found += [
        f"offset {offset} was lost" for offset, told in acknowledged.items() if kept.get(offset) != told
    ]
    if [offset for offset, _, _ in read] != list(range(1, len(read) + 1)):
        found.append("a reader saw an offset twice, or not at all")
    shown, current = 0, 1
    for offset, attempt, number in read:
        if number == _RESET:
            shown, current = 0, attempt
            continue
        if (attempt, number) != (current, shown):
            found.append(f"{number} of attempt {attempt} at {offset}, after {shown} numbers of {current}")
            break
        shown += 1
    if shown != NUMBERS:
        found.append(f"in the end {shown} numbers are shown")
    return found


def _one_life(
    options: argparse.Namespace,
    seconds: float | None,
    acknowledged: dict[int, tuple[int, int]],
    read: list[tuple[int, int, int]],
) -> None:
    """A child that is killed after some seconds, or lives to its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(options, writing, read[-1][0] if read else 0, last=seconds is None)
    os.close(writing)
    if seconds is not None:
        select.select([reading], [], [], 20)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if seconds is None and status != 0:
        sys.stderr.write("the last child failed\n")
    for kind, offset, attempt, number in _ROW.iter_unpack(said[: len(said) // _ROW.size * _ROW.size]):
        if kind == b"a":
            acknowledged[offset] = (attempt, number)
        else:
            read.append((offset, attempt, number))


def _live(options: argparse.Namespace, pipe: int, offset: int, *, last: bool) -> None:
    try:
        logging.disable(logging.WARNING)
        _mutate(options.mutation)
        asyncio.run(_drive(options.folder / "stream.db", pipe, offset, last=last))
        os._exit(0)
    except BaseException:  # noqa: BLE001  the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(1)


async def _drive(database: Path, pipe: int, offset: int, *, last: bool) -> None:
    async with Engine(database, workflows=[Teller], env=(pipe, last), quarantine_after=None) as engine:
        instance = await engine.workflow(Teller).create(id="t", exist_ok=True)
        async for item in instance.stream("tell", offset=offset):
            number = _RESET if isinstance(item, StreamReset) else item.value
            os.write(pipe, _ROW.pack(b"r", item.offset, item.attempt, number))
        await instance.result()


def _mutate(mutation: str) -> None:
    if mutation == "no-reset":
        LeasedChunks.start_over = LeasedChunks.discard  # type: ignore[method-assign]
    elif mutation == "early":

        async def tell(self: Teller, ctx: StepContext) -> AsyncIterator[bytes]:
            first = await ctx.stream(0)
            for number in range(1, NUMBERS):
                os.write(self.env[0], _ROW.pack(b"a", first + number, ctx.attempt, number))
            for number in range(NUMBERS):
                if number:
                    await ctx.stream(number)
                    await asyncio.sleep(2 * _LONGEST_LIFE / NUMBERS)
                yield bytes([number]) * PIECE

        Teller.tell = tell  # type: ignore[method-assign]


if __name__ == "__main__":
    raise SystemExit(main())
