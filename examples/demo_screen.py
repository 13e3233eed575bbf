"""What the demo shows: plain lines in a pipe, the same with colours on a terminal, or as an SVG picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from integrations.code_review import Finding, Severity

__all__ = ["Screen"]

_WIDTH = 104
_COLOURS = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow"}
_FONTS = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'
_WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Screen:
    """Says what happens, in the order in which it happens."""

    def __init__(self, *, recording: bool = False) -> None:
        terminal = Console().is_terminal and not recording
        self._console = Console(record=recording, width=None if terminal else _WIDTH, highlight=False)

    def change(self, stat: str, *, pause: float) -> None:
        self._headline("The change", "shipped with the project in examples/changes/checkout_refactor")
        self._line(stat.strip())
        self._line(f"each step of its review waits {pause:g} s before it works, for this demo only")

    def process_started(self, pid: int) -> None:
        self._headline(f"Process {pid}", "an agent, its workflows and one SQLite file")

    def scheduled(self, delay: float) -> None:
        self._line(f"the agent scheduled a review in {delay:g} s")

    def launched(self) -> None:
        self._line("the agent launched the review; its steps, as each of them is recorded:")

    def resumed(self, kept: int) -> None:
        self._line(
            f"{kept} finished steps are in the journal and are not repeated; it goes on:", "bold green"
        )

    def recorded(self, number: int, step: str) -> None:
        self._line(f"{number:>4}  {step}")

    def killed(self, pid: int, steps: int) -> None:
        self._headline(
            f"kill -9 {pid}",
            f"after {steps} recorded steps; others are under way, there is no report",
            "bold red",
        )

    def findings(self, findings: Sequence[Finding]) -> None:
        self._headline("The report", f"{len(findings)} findings, from the agent's state")
        table = Table.grid(padding=(0, 2))
        for finding in findings:
            place = Text(f"  {finding.path}:{finding.line}", no_wrap=True)
            severity = Text(finding.severity, style=_COLOURS.get(finding.severity, ""))
            table.add_row(place, severity, Text(finding.message))
        self._console.print(table)

    def proof(self, begun: Counter[str], *, kept: Collection[str], twice: Collection[str]) -> None:
        """From the file to which every step appends its name before it works."""
        self._headline("The proof", "how often the steps were begun, by both processes together")
        self._line(f"{len(kept):>4}  finished before the kill: begun {_times(begun[step] for step in kept)}")
        self._line(f"{len(twice):>4}  under way when it came: begun twice, recorded once")
        self._line(f"{len(begun) - len(kept) - len(twice):>4}  not reached yet: begun once")

    def broken(self, claims: Sequence[str]) -> None:
        """What was promised and did not hold."""
        self._console.print()
        for claim in claims:
            self._console.print(Text(f"BROKEN PROMISE, this was not so: {claim}", style="bold red"))

    def closing(self, *, findings: int, kept: int) -> None:
        """What was shown, and what to try next."""
        self._console.print()
        shown = f"an agent's review was killed by SIGKILL and went on: {kept} finished steps not repeated"
        self._closing("Shown", f"{shown}, {findings} findings.")
        self._closing("Next", "run `.venv/bin/agents review` on a change of yours, read examples/.")

    def save(self, picture: Path) -> None:
        """Writes what was shown as an SVG that loads nothing from anywhere."""
        picture.parent.mkdir(parents=True, exist_ok=True)
        svg = _WEB_FONT.sub("", self._console.export_svg(title="make demo", unique_id="demo"))
        picture.write_text(svg.replace("Fira Code, monospace", _FONTS), "utf-8")

    def _headline(self, what: str, text: str, style: str = "bold cyan") -> None:
        self._console.print()
        self._console.print(Text.assemble((what, style), f"  {text}"))

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(f"  {text}", style=style))

    def _closing(self, word: str, text: str) -> None:
        self._console.print(Text.assemble((f"{word}: ", "bold green"), text), soft_wrap=True)


def _times(counts: Iterable[int]) -> str:
    found = sorted(set(counts))
    return "once each" if found == [1] else f"{found} times"
