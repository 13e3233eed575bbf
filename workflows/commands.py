"""Commands of the lifecycle table, applied to leased instances and to others, one at a time for each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from workflows import failure, lifecycle
from workflows.backend import (
    Complete,
    Errored,
    Halted,
    NewMoment,
    Outcome,
    Parked,
    Ref,
    Rollback,
    Seen,
    Stopped,
    Undoing,
    Undone,
)
from workflows.change import NOTHING, Change, Ending
from workflows.claimer import Claimer
from workflows.clock import Clock
from workflows.entry import Entry, Key, last_order
from workflows.errors import Fenced, InstanceNotFound, StepError, StoreError, WorkflowError
from workflows.failure import Failure
from workflows.followers import Followers
from workflows.lease import Lease
from workflows.ledger import Applied, Claim, Ledger
from workflows.lifecycle import Command, Effect, Rule, Standing
from workflows.notice import Tell, Told
from workflows.pruner import Pruner
from workflows.retry import undoable
from workflows.runs import Runs
from workflows.slots import Slots
from workflows.spawned import Spawned
from workflows.types import FINAL, RollbackStatus

__all__ = ["Commands"]

T = TypeVar("T")

log = logging.getLogger("workflows")

_WHATEVER_IS_LEFT: frozenset[Command] = frozenset({"terminate", "restart", "delete"})
"""What may be done to an instance of which something is damaged."""
_TERMINATED = Failure("Terminated", "Instance terminated during rollback")


class Commands:
    """Everything that changes the status of an instance, and what follows from it in this process."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        slots: Slots | None,
        tell: Tell | None = None,
        quarantine_after: int | None = None,
    ) -> None:
        self.runs = Runs(
            ledger,
            clock,
            slots,
            conclude=self._conclude,
            settle=self._settle,
            begin=self._begin,
            halt=self._halt,
            parked=self._parked,
            quarantine_after=quarantine_after,
        )
        self.claimer = Claimer(ledger, clock, self.runs, quarantine_after)
        self.pruner = Pruner(ledger, clock)
        self.followers = Followers(ledger, self.runs, self.claimer.wake, self._end_astray)
        self._ledger = ledger
        self._clock = clock
        self._tell = tell
        self.changes = Spawned()
        """Those that are being carried out."""

    def spawn(self, change: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Carries out a change as a whole, whatever becomes of its caller."""
        return self.changes.spawn(change)

    async def settled(self) -> None:
        """Returns when all changes that were spawned so far have been carried out."""
        await asyncio.gather(*self.changes, return_exceptions=True)

    async def control(
        self, ref: Ref, command: Command, step: Key | None = None, *, astray: bool = False
    ) -> None:
        """See `Backend.control`; `astray`: see `Change`."""
        async with self.runs.turns.of(ref.incarnation):
            lease = self.runs.leases.get(ref.incarnation) or await self._claimed(ref)
            if lease is None:
                await self._control_unleased(ref, command, step, astray=astray)
                return
            try:
                if lease.damage is not None and command not in _WHATEVER_IS_LEFT:
                    raise StoreError(lease.damage)
                command = _asked_for(command, lease.journal.values())
                await self._apply(lease, command, _ending(command, lease.undoing), step, astray=astray)
            finally:
                if lease.run is None and self.runs.leases.get(ref.incarnation) is lease:
                    self.runs.begin(lease)

    async def _claimed(self, ref: Ref) -> Lease | None:
        """A lease of an instance that is only a row, so that one path leads to what a command does."""
        if ref.workflow not in self.runs.workflows:
            return None
        instance = await self._ledger.read(ref.incarnation)
        if instance is None or instance.status in FINAL:
            return None
        return await self.claimer.lease_of(ref.incarnation)

    async def _control_unleased(self, ref: Ref, command: Command, step: Key | None, *, astray: bool) -> None:
        """A finished instance, or one of a workflow that this process does not serve."""
        moments, entries = await self._ledger.history(ref.incarnation)
        instance = await self._ledger.read(ref.incarnation)
        command = _asked_for(command, entries)
        ending = _ending(command, None if instance is None else instance.undoing)
        order = 1 if command == "restart" else last_order(moments, entries) + 1
        free = self.runs.is_free(ref.workflow)
        change = Change(command, self._clock.now(), order, free=free, step=step, ending=ending, astray=astray)
        left = self.runs.left(ref.incarnation)
        if left is not None:
            left.cut_off()
        applied = await self._ledger.transition(ref.incarnation, change)
        if applied is None:
            return
        if left is not None and applied.plan.rule.fences:
            left.stop()
        if applied.plan.rule.effect is not Effect.ERASE:
            self.pruner.expects(applied.plan.instance.expires_at)
        if applied.remains is not None and ref.workflow in self.runs.workflows:
            await self._go_on(applied, applied.remains)
        else:
            await self.followers.applied(applied)

    async def _apply(
        self,
        lease: Lease,
        command: Command,
        ending: Ending = NOTHING,
        step: Key | None = None,
        *,
        astray: bool = False,
    ) -> None:
        """One command, with the lease's turn held: the status changes in memory first, so that no attempt
        starts while the change is being written."""
        at, idle = self._clock.now(), lease.running == 0
        free = self.runs.is_free(lease.ref.workflow)
        standing = Standing(lease.status, lease.begun, lease.undoing is not None)
        planned = lifecycle.apply(standing, (), command, idle=idle, paused_for=0.0, free=free)
        if planned is None:
            return
        rule = planned.rule
        if rule.fences:
            lease.cut_off()
        order = lease.next_order(len(ending.before) + len(rule.seen))
        before, lease.status = lease.status, rule.status
        told = self._told(lease, rule)
        change = Change(command, at, order, idle, free, lease.epoch, step, ending, told, astray)
        try:
            applied = await self._ledger.transition(lease.ref.incarnation, change)
        except BaseException:
            lease.status = before
            lease.changed()
            raise
        assert applied is not None, "memory and ledger apply one table to one status"
        await self._applied(lease, applied)

    async def _applied(self, lease: Lease, applied: Applied) -> None:
        """The change is durable: the run and the watchers learn of it."""
        plan, instance = applied.plan, applied.plan.instance
        lease.paused_at, lease.begun = instance.paused_at, instance.begun
        for entry, due in plan.dues:
            lease.journal[entry.key].due = due
        if plan.kept is not None:
            lease.audience.show([None])
        lease.audience.show([Seen(moment, None) for moment in plan.moments])
        if applied.dues and self._tell is not None:
            self._tell.due(applied.dues)
        if plan.rule.effect is Effect.ERASE:
            self.runs.forget(lease).failed(_gone(lease.ref))
        elif instance.status in FINAL:
            self.runs.forget(lease).ended(instance)
            self.pruner.expects(instance.expires_at)
        if plan.rule.fences:
            lease.stop()
        if applied.remains is not None:
            after = lease.run if instance.undoing is not None else None
            await self._go_on(applied, applied.remains, after)
            return
        await self.followers.applied(applied)
        lease.changed()
        if instance.status == "paused":
            lease.give_back()
            self.runs.rest(lease)
        elif instance.status in ("running", "queued"):
            self.runs.start(lease)
        if instance.status == "waitingForPause" and lease.running == 0:
            await self._apply(lease, "settle")

    async def _go_on(self, applied: Applied, remains: Claim, after: asyncio.Task[None] | None = None) -> None:
        """The instance begins anew under a new lease, once the children have ended that followed it.

        The lease is there before, so that it hears of other children that end meanwhile.
        """
        lease = self.runs.lease(remains, after=after)
        await self.followers.applied(applied)
        self.runs.begin(lease)

    async def _end_astray(self, ref: Ref) -> None:
        await self.control(ref, "terminate", astray=True)

    def _told(self, lease: Lease, rule: Rule) -> Told | None:
        if self._tell is None or rule.status not in FINAL or rule.effect is Effect.ERASE:
            return None
        return self._tell.told(lease.ref.workflow, rule.status)

    def _settle(self, lease: Lease) -> None:
        self.spawn(self._if(lease, "settle", lambda: lease.status == "waitingForPause" and not lease.running))

    def _begin(self, lease: Lease) -> None:
        self.spawn(self._if(lease, "start", lambda: lease.status == "queued"))

    def _parked(self, incarnation: int, due: float) -> None:
        self.claimer.wakes.parked(incarnation, due)

    def _halt(self, lease: Lease) -> None:
        why: WorkflowError
        if lease.damage is not None:
            why = StoreError(f"{lease.damage}; resume() looks at it again")
        else:
            why = WorkflowError(str(lease.poison))
        reason = str(why)
        log.error('%s "%s" is paused: %s', lease.ref.workflow, lease.ref.id, reason)
        lease.audience.failed(why)  # who waits for its end would wait until somebody mends it
        command: Command = "settle" if lease.status == "waitingForPause" else "pause"
        self.spawn(self._if(lease, command, lambda: lease.status not in FINAL, Ending(reason=reason)))

    async def _if(
        self, lease: Lease, command: Command, still: Callable[[], bool], ending: Ending = NOTHING
    ) -> None:
        """A command of the engine's own, unless another one came first."""
        async with self.runs.turns.of(lease.ref.incarnation):
            if not (still() and lease.lease_ok()):
                return
            try:
                await self._apply(lease, command, ending)
            except Fenced:
                log.debug('"%s" was taken from this process', lease.ref.id)
            except Exception as error:
                log.exception('%s of %s "%s" was not written', command, lease.ref.workflow, lease.ref.id)
                self.runs.broke_off(lease, error)

    async def _conclude(self, lease: Lease, outcome: Outcome) -> None:
        """Writes what a run came to, with the lease's turn held."""
        if isinstance(outcome, Stopped | Parked) or not lease.lease_ok():
            return
        if isinstance(outcome, Rollback) and lease.status == "waitingForPause":
            await self._apply(lease, "settle")
        if lease.status == "paused":
            lease.outcome = outcome
            return
        match outcome:
            case Complete(output, unasked):
                seen = self._unasked(unasked)
                await self._apply(lease, "complete", Ending(output=output, unasked=unasked, before=seen))
            case Errored(error, unasked):
                seen = self._unasked(unasked)
                await self._apply(lease, "error", Ending(error=error, unasked=unasked, before=seen))
            case Rollback(error, unasked):
                seen, undoing = self._unasked(unasked), Undoing(error, "errored")
                await self._apply(lease, "undo", Ending(undoing=undoing, unasked=unasked, before=seen))
            case Undone(rollback):
                await self._undone(lease, rollback)
            case Halted(reason):
                log.error('%s "%s" is paused: %s', lease.ref.workflow, lease.ref.id, reason)
                await self._apply(lease, "pause", Ending(reason=reason))

    async def _undone(self, lease: Lease, rollback: RollbackStatus) -> None:
        assert lease.undoing is not None, "only a run that was there to undo comes to this"
        name = "rollback_completed" if rollback.outcome == "complete" else "rollback_errored"
        seen = (NewMoment(name, self._clock.now(), {}),)
        if lease.undoing.ends == "terminated":
            await self._apply(lease, "terminate", Ending(rollback=rollback, before=seen))
        else:
            ending = Ending(error=lease.undoing.error, rollback=rollback, before=seen)
            await self._apply(lease, "error", ending)

    def _unasked(self, names: tuple[str, ...]) -> tuple[NewMoment, ...]:
        """Recorded steps that today's code did not ask for are told to subscribers, too."""
        at = self._clock.now()
        return tuple(NewMoment("step_unasked", at, {"step": name}) for name in names)


def _asked_for(command: Command, entries: Iterable[Entry]) -> Command:
    """Where no step that has started can be undone, there is no rollback."""
    if command == "undo" and not any(undoable(entry.config) for entry in entries):
        return "terminate"
    return command


def _ending(command: Command, undoing: Undoing | None) -> Ending:
    """What a command of a user's writes beside the status."""
    if command == "undo":
        error = failure.dump(StepError(_TERMINATED.name, _TERMINATED.message), {})
        return Ending(undoing=Undoing(error, "terminated"))
    if command == "terminate" and undoing is not None:
        return Ending(rollback=RollbackStatus("failed", _TERMINATED))
    return NOTHING


def _gone(ref: Ref) -> InstanceNotFound:
    return InstanceNotFound(f'instance.not_found: {ref.workflow} "{ref.id}" was deleted')
