"""A lease under a `concurrency` limit: it runs while it holds a slot, and gives it back while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workflows.audience import Audience
from workflows.lease import Lease
from workflows.ledger import Claim, Ledger
from workflows.slots import Slots, Turn

__all__ = ["LimitedLease"]


class LimitedLease(Lease):
    """See `Lease`; `granted` is called each time it gets a slot."""

    def __init__(
        self,
        claim: Claim,
        ledger: Ledger,
        audience: Audience,
        settle: Callable[[Lease], None],
        *,
        slots: Slots,
        granted: Callable[[Lease], None],
    ) -> None:
        self.turn_to_run = Turn(claim.instance.ref.workflow, slots, self._got)
        self._granted = granted
        self._running = self._waiting = 0
        self._resting = False
        super().__init__(claim, ledger, audience, settle)

    @property
    def open(self) -> bool:
        """See `Activation.open`."""
        return self.status == "running" and self.turn_to_run.held

    @property
    def queued(self) -> bool:
        """It waits for its turn."""
        return self.status == "queued" or bool(self.status == "running" and self.turn_to_run.asked)

    @property
    def running(self) -> int:
        """See `Activation.running`."""
        return self._running

    @running.setter
    def running(self, count: int) -> None:
        self._running = count
        self._rest()

    @property
    def waiting(self) -> int:
        """See `Activation.waiting`."""
        return self._waiting

    @waiting.setter
    def waiting(self, count: int) -> None:
        self._waiting = count
        self._rest()

    def enter(self) -> bool:
        """See `Lease.enter`."""
        self.turn_to_run.ask()
        return self.turn_to_run.held

    def ask(self) -> None:
        """See `Activation.ask`."""
        if self.status == "running":
            self.turn_to_run.ask()

    def give_back(self) -> None:
        """See `Lease.give_back`."""
        self.turn_to_run.leave()

    def stop(self) -> None:
        """Takes the lease away."""
        self.turn_to_run.leave()
        super().stop()

    def _got(self) -> None:
        self._granted(self)
        self._rest()  # what was resumed while it waits has nothing to run

    @property
    def _rests(self) -> bool:
        """It waits, and none of its waits is due: for the end of one it stands in the queue once."""
        return self.seen_waiting and not self.late

    def _rest(self) -> None:
        if self._rests and not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_soon(self._rested)

    def _rested(self) -> None:
        # One turn of the loop later: a branch that goes from one step to the next is not waiting.
        self._resting = False
        if self._rests:
            self.turn_to_run.leave()
