"""What is promised of one instance, as a timeline of phases: no tasks, no journal, no backend.

The workflow works, rests, waits for an event, and works again with a first attempt that fails. Its durations
end on fractions of a second that differ, and commands come at whole seconds: so nothing ever happens at the
very instant of a command, and the model need not say which comes first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FLAKY", "PATIENCE", "REST", "RETRY", "WORK", "Modelled", "Phase"]

Phase = Literal["work", "rest", "event", "flaky", "delay", "again", "end"]
PHASES: tuple[Phase, ...] = ("work", "rest", "event", "flaky", "delay", "again", "end")
WORK, REST, PATIENCE, FLAKY, RETRY = 10.25, 20.5, 100.125, 3.0625, 5.03125
LENGTH: dict[Phase, float] = {
    "work": WORK,
    "rest": REST,
    "event": PATIENCE,
    "flaky": FLAKY,
    "delay": RETRY,
    "again": FLAKY,
}
BUSY = frozenset({"work", "flaky", "again"})
"""A callback runs."""
STEP = {"work": "work", "flaky": "flaky", "again": "flaky"}
FINAL = frozenset({"complete", "errored", "terminated"})


@dataclass
class Modelled:
    """One instance."""

    status: str = "running"
    phase: Phase = "work"
    left: float | None = WORK
    """Seconds until the phase is over; None: it has not begun, because the instance is paused."""
    cut_off: bool = False
    """The phase had begun before a crash, and perhaps that is not recorded."""
    inbox: list[int] = field(default_factory=list)
    output: int | None = None
    done: Counter[str] = field(default_factory=Counter)
    """How often each callback ran to its end."""

    @property
    def shown(self) -> str:
        """What `status()` says."""
        waits = self.status == "running" and self.phase not in BUSY
        return "waiting" if waits else self.status

    def advance(self, seconds: float) -> None:
        """Time goes by."""
        while self.status in ("running", "waitingForPause") and self.left is not None and self.left < seconds:
            seconds -= self.left
            self._over()
        if self.status in ("running", "waitingForPause") and self.left is not None:
            self.left -= seconds

    def event(self, payload: int) -> bool:
        """It is sent an event; False when it is refused."""
        if self.status in FINAL:
            return False
        self.inbox.append(payload)
        self._receive()
        return True

    def pause(self) -> None:
        """No callback begins any more."""
        if self.status == "running":
            self.status = "waitingForPause" if self.phase in BUSY else "paused"

    def resume(self) -> None:
        """It goes on; waits are longer by the pause."""
        if self.status in ("paused", "waitingForPause"):
            self.status = "running"
            self._begin() if self.left is None else self._receive()

    def terminate(self) -> bool:
        """It ends at once; False when that is refused."""
        if self.status in FINAL:
            return False
        self.status = "terminated"
        return True

    def restart(self) -> None:
        """It begins anew; events are forgotten."""
        self.status, self.inbox, self.output = "running", [], None
        self._enter("work")

    def rewind(self, phase: Phase) -> bool:
        """It goes back to the step; False when that never started."""
        if PHASES.index(self.phase) < PHASES.index(phase) or (self.phase == phase and self.left is None):
            return False
        self.status = "running"
        if PHASES.index(phase) <= PHASES.index("event"):
            self.output = None  # what was received stays, when the wait for it does
        self._enter(phase)
        return True

    def perhaps_begun(self, phase: Phase) -> bool:
        """Nobody can say whether the step is in the history."""
        return self.phase == phase and self.left is None and self.cut_off

    def crash(self) -> None:
        """What was running begins again; everything else is as it was."""
        if self.status == "waitingForPause":
            self.status, self.left, self.cut_off = "paused", None, True
        elif self.status == "running" and self.phase in BUSY:
            self._enter(self.phase)

    def _over(self) -> None:
        match self.phase:
            case "event":
                self.status = "errored"
                return
            case "work" | "flaky" | "again":
                self.done[STEP[self.phase]] += 1
        self._enter(PHASES[PHASES.index(self.phase) + 1])

    def _enter(self, phase: Phase) -> None:
        self.phase, self.left, self.cut_off = phase, None, False
        if self.status == "waitingForPause":
            self.status = "paused"
            if phase == "delay":
                self.left = RETRY  # the delay was recorded with the failure
        elif self.status == "running":
            self._begin()

    def _begin(self) -> None:
        if self.phase == "end":
            self.status = "complete"
            return
        self.left = LENGTH[self.phase]
        self._receive()

    def _receive(self) -> None:
        if self.status == "running" and self.phase == "event" and self.left is not None and self.inbox:
            self.output = self.inbox.pop(0)
            self._enter("flaky")
