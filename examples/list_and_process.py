"""Process a folder of any size, a page at a time: list, process each file, restart while there is more.

    python examples/list_and_process.py [FOLDER]

Each file is a step of its own, so a crash repeats at most one of them. A restart forgets the steps of the
page that is done, so the history stays small however many files there are. Without FOLDER a few are made up.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


@dataclass
class Listing:
    names: list[str]
    truncated: bool


class Store:
    """A bucket: files to be processed in one folder, results in another."""

    def __init__(self, folder: Path, page: int = 4) -> None:
        self.results = folder / "results"
        self._folder = folder
        self._page = page

    def list(self) -> Listing:
        names = sorted(path.name for path in self._folder.iterdir() if path.is_file())
        return Listing(names[: self._page], truncated=len(names) > self._page)

    def count_words(self, name: str) -> int:
        """May run twice when the process dies in between: the second time finds the result of the first."""
        source, result = self._folder / name, self.results / name
        if source.exists():
            self.results.mkdir(exist_ok=True)
            unfinished = result.with_suffix(".tmp")
            unfinished.write_text(str(len(source.read_text("utf-8").split())), "utf-8")
            unfinished.replace(result)
            source.unlink()
        return int(result.read_text("utf-8"))


class ListAndProcess(WorkflowEntrypoint[Store, None]):
    async def run(self, _: WorkflowEvent[None], step: WorkflowStep) -> int:
        listing = await step.do("list", self.env.list)
        for name in listing.names:
            words = await step.do(f"process {name}", self.env.count_words, name)
            print(f"  {name}: {words} words")
        if listing.truncated:
            await self.instance.restart()  # does not return: this run ends here, and the next begins
        return await step.do("count", lambda: len(list(self.env.results.iterdir())))


async def main(folder: Path, database: Path) -> int:
    async with Engine(database, workflows=[ListAndProcess], env=Store(folder)) as engine:
        instance = await engine.workflow(ListAndProcess).create(id="nightly", exist_ok=True)
        total: int = await instance.result()
    print(total, "files processed")
    return total


def make_up_files(folder: Path, count: int = 10) -> None:
    for number in range(1, count + 1):
        (folder / f"note-{number:02}.txt").write_text("word " * number, "utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made_up:
        chosen = Path(sys.argv[1] if len(sys.argv) > 1 else made_up)
        if len(sys.argv) == 1:
            make_up_files(chosen)
        with tempfile.TemporaryDirectory() as database_folder:
            asyncio.run(main(chosen, Path(database_folder) / "engine.db"))
