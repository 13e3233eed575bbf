"""Writes docs/lifecycle.md and its diagram from the lifecycle table: `python tools/lifecycle.py`."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import get_args

from workflows.errors import InstanceFinished
from workflows.lifecycle import Command, Effect, Standing, Transition, apply
from workflows.types import FINAL, Status

__all__ = ["diagram", "page"]

ROOT = Path(__file__).parent.parent
STATUSES: tuple[Status, ...] = tuple(status for status in get_args(Status) if status != "waiting")
ENGINES: tuple[Command, ...] = ("start", "settle", "complete", "error")
USERS: tuple[Command, ...] = ("pause", "resume", "terminate", "undo", "restart", "rewind", "delete")
CALLED = {
    "undo": "terminate(rollback=True)",
    "rewind": "restart(from_step=…)",
    "pause": "pause()",
    "resume": "resume()",
    "terminate": "terminate()",
    "restart": "restart()",
    "delete": "delete()",
}
EVERYWHERE: tuple[Command, ...] = ("restart", "rewind", "delete")
"""Left out of the diagram: they do the same from every status."""

PLACES: dict[str, tuple[int, int]] = {
    "queued": (110, 50),
    "running": (400, 140),
    "waitingForPause": (400, 270),
    "paused": (110, 270),
    "complete": (700, 50),
    "errored": (700, 150),
    "terminated": (700, 350),
}
WIDTH, HEIGHT = 800, 400
BOX = (140, 40)


def outcomes(status: Status, command: Command) -> list[str]:
    """To what statuses the command leads, in whatever way the instance stands; "" for an error."""
    found: dict[str, None] = {}
    for begun, idle, free in itertools.product((True, False), repeat=3):
        if not begun and status not in ("queued", "paused"):
            continue
        standing = Standing(status, begun and status != "queued")
        try:
            done = apply(standing, (), command, idle=idle, paused_for=0.0, free=free)
        except InstanceFinished:
            found[""] = None
        else:
            found[_named(done)] = None
    return sorted(found)


def _named(done: Transition | None) -> str:
    if done is None:
        return "-"
    return "gone" if done.rule.effect is Effect.ERASE else done.rule.status


def page() -> str:
    """The page of the documentation."""
    head = "| from | " + " | ".join(f"`{CALLED[command]}`" for command in USERS) + " |"
    rows = [head, "| --- " * (len(USERS) + 1) + "|"]
    for status in STATUSES:
        cells = (" or ".join(_cell(end) for end in outcomes(status, command)) for command in USERS)
        rows.append(f"| **{status}** | " + " | ".join(cells) + " |")
    return _PAGE.format(table="\n".join(rows))


def _cell(end: str) -> str:
    return "`InstanceFinished`" if end == "" else end


_PAGE = """# The lifecycle of an instance

<!-- Made by tools/lifecycle.py from the table in workflows/lifecycle.py. -->

![The statuses of an instance and the ways between them](images/lifecycle.svg)

Dashed arrows are the engine's own: an instance starts when it has a slot, its pause is complete when the
last running attempt has ended, and `run()` returns or raises. `waiting` is how `running` is shown while
nothing of an instance runs and it sleeps, or waits for an event, a child or a retry.

{table}

A dash: nothing happens. Where two statuses stand: `pause()` waits for a running attempt (`waitingForPause`)
and is complete at once when there is none; what was paused in the queue returns to it; `restart()` begins in
the queue when there is no slot.

- **`pause()`** keeps everything; **`resume()`** makes sleeps, retries and time limits longer by the pause.
  `sleep_until` keeps its instant.
- **`terminate(rollback=True)`** undoes the steps that have started, then the instance is terminated.
- **`restart()`** forgets all that is recorded; **`restart(from_step=…)`** forgets that step and every one
  that started after it.
- **`delete()`** leaves no trace; the id may be taken again.
- All that end or restart an instance cut off what runs; `pause()` lets running attempts end.
- A run may give these commands to its own instance: `await self.instance.restart()`.

A program that uses them is on the page about [commands](commands.md).
"""


def diagram() -> str:
    """The picture, as SVG."""
    ways: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for status in STATUSES:
        for command in (*ENGINES, *USERS):
            if command in EVERYWHERE or status in FINAL:
                continue
            own = command in ENGINES
            for end in outcomes(status, command):
                if end in PLACES and end != status:
                    ways[status, end, own].append(command if own else CALLED[command])
    arrows = "\n".join(_arrow(*way, _label(labels)) for way, labels in ways.items())
    boxes = "\n".join(_box(name) for name in PLACES)
    return _SVG.format(width=WIDTH, height=HEIGHT, arrows=arrows, boxes=boxes)


def _label(labels: list[str]) -> str:
    """`terminate(rollback=True)` leads where `terminate()` does only from the queue: one word is enough."""
    return ", ".join(dict.fromkeys(label.replace("terminate(rollback=True)", "rollback") for label in labels))


def _box(name: str) -> str:
    x, y = PLACES[name]
    kind = "final" if name in FINAL else "open"
    corner = f'x="{x - BOX[0] // 2}" y="{y - BOX[1] // 2}" width="{BOX[0]}" height="{BOX[1]}" rx="8"'
    return f'<rect class="{kind}" {corner}/><text x="{x}" y="{y + 5}">{name}</text>'


def _arrow(start: str, end: str, own: bool, label: str) -> str:
    (x1, y1), (x2, y2) = PLACES[start], PLACES[end]
    length = math.hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    bend = 26 + 14 * own
    mx, my = (x1 + x2) / 2 - uy * bend, (y1 + y2) / 2 + ux * bend
    sx, sy = _edge(x1, y1, mx, my)
    ex, ey = _edge(x2, y2, mx, my)
    kind = "engine" if own else "user"
    path = f'<path class="{kind}" d="M{sx:.0f},{sy:.0f} Q{mx:.0f},{my:.0f} {ex:.0f},{ey:.0f}"/>'
    tx, ty = (x1 + x2) / 2 - uy * bend * 0.62, (y1 + y2) / 2 + ux * bend * 0.62
    return f'{path}<text class="label" x="{tx:.0f}" y="{ty:.0f}">{escape(label)}</text>'


def _edge(x: float, y: float, towards_x: float, towards_y: float) -> tuple[float, float]:
    """Where the line from the middle of a box leaves it."""
    dx, dy = towards_x - x, towards_y - y
    scale = min(BOX[0] / 2 / abs(dx) if dx else math.inf, BOX[1] / 2 / abs(dy) if dy else math.inf)
    return x + dx * scale, y + dy * scale


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
 font-family="sans-serif">
<title>The lifecycle of an instance</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0,0 L8,4 L0,8 z" style="fill:#555;stroke:none"/></marker></defs>
<style>
rect {{ stroke: #333; stroke-width: 1.5 }} .open {{ fill: #e8f0fe }} .final {{ fill: #e6f4ea }}
text {{ text-anchor: middle; font-size: 14px; fill: #111 }}
.label {{ font-size: 11px; fill: #333; paint-order: stroke; stroke: #fff; stroke-width: 4px }}
path {{ fill: none; stroke: #555; stroke-width: 1.3; marker-end: url(#tip) }}
.engine {{ stroke-dasharray: 5 4 }}
</style>
<rect width="{width}" height="{height}" fill="#fff" style="stroke:none"/>
{arrows}
{boxes}
</svg>
"""


def main() -> None:
    """Writes both files."""
    (ROOT / "docs/lifecycle.md").write_text(page(), encoding="utf-8")
    (ROOT / "docs/images/lifecycle.svg").write_text(diagram(), encoding="utf-8")


if __name__ == "__main__":
    main()
