"""Kills a workflow that compacts at every failpoint: `python -m tests.integrations.compaction.crashing`.

Its arguments are a folder, the URL of a model, and how many points. Each line of the output is one kill: the
point, what the killed process had used, and what the next one came to.
The model at URL is asked under the name of the point.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from integrations.compaction import Overlay, Settings, compact, from_wire, summarise_with
from integrations.llm import LLM, Patience
from tests.integrations.compaction.chatting import SETTINGS
from tests.integrations.compaction.histories import talk
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep, failpoint

__all__ = ["TURNS"]

TURNS = (10, 20)
"""The conversation is compacted when it has so many turns."""
Tell = Callable[[str], None]


@dataclass
class Env:
    """The model, and who is told what was used."""

    llm: LLM
    tell: Tell


class Chat(WorkflowEntrypoint[Env, None]):
    """Compacts a conversation twice."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> list[Overlay]:
        overlay: Overlay | None = None
        overlays: list[Overlay] = []
        for turns in TURNS:
            outcome = await compact(
                step,
                from_wire(talk(turns)),
                summarise=summarise_with(self.env.llm),
                settings=Settings(**SETTINGS),
                overlay=overlay,
                retries={"limit": 0, "delay": 1},
            )
            overlay = outcome.overlay
            overlays.append(overlay)
            self.env.tell(f"used {overlay.model_dump_json()}")
        return overlays


async def live(database: Path, url: str, name: str, tell: Tell) -> None:
    """The whole of it, whatever an earlier process came to."""
    async with (
        LLM(name, base_url=url, patience=Patience(limit=0), timeout=20) as llm,
        Engine(database, [Chat], env=Env(llm, tell)) as engine,
    ):
        instance = await engine.workflow(Chat).create(id="1", params=None, exist_ok=True)
        for overlay in await instance.result():
            tell(f"came to {Overlay.model_validate(overlay).model_dump_json()}")


def forked(database: Path, url: str, name: str, armed: tuple[str, int] | None) -> tuple[list[str], bool]:
    """What a child told, and whether it came to its end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            seen: list[str] = []
            failpoint._set(seen.append)
            if armed:
                failpoint.arm(armed[0], "kill", armed[1])
            tell = partial(print, file=os.fdopen(write, "w", encoding="utf-8"), flush=True)
            asyncio.run(live(database, url, name, tell))
            tell(f"seen {json.dumps(seen)}")
            code = 0
        except BaseException:  # noqa: BLE001  # a forked child must not run the parent's code
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        told = pipe.read().splitlines()
    status = os.waitpid(child, 0)[1]
    return told, os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0


def overlays(told: list[str], verb: str) -> list[str]:
    """The overlays that a process went on with, or came to in the end."""
    return [line.removeprefix(verb) for line in told if line.startswith(verb)]


def main(folder: Path, url: str, most: int) -> None:
    """All points, or so many of them, evenly spread over the time of a run."""
    importlib.import_module("integrations.llm.chat")  # once, and not in each child
    told, ended = forked(folder / "unkilled.db", url, "unkilled", None)
    assert ended, "the process that nobody kills comes to its end"
    [seen] = [json.loads(line.removeprefix("seen ")) for line in told if line.startswith("seen ")]
    begun = seen.index("attempt.called")  # before that nothing is summarised
    stride = max(1, (len(seen) - begun) // most)
    for place in range(begun + stride // 2, len(seen), stride):
        name, nth = seen[place], seen[: place + 1].count(seen[place])
        point = f"{name}-{nth}"
        database = folder / f"{point}.db"
        first, survived = forked(database, url, point, (name, nth))
        then, ended = forked(database, url, point, None)
        line = {
            "point": point,
            "survived": survived,
            "ended": ended,
            "first": overlays(first, "used "),
            "then": overlays(then, "came to "),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
