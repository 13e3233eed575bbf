"""A view into one instance on a real engine, and a say in what its steps do."""

from __future__ import annotations

from typing import Any, get_args

from workflows import typed
from workflows.backend import Backend, Ref
from workflows.binding import Binding
from workflows.errors import InstanceNotFound
from workflows.failure import Failure, load, rebuildable
from workflows.receive import event_type
from workflows.rehearsal import Mocked
from workflows.testing.following import following, moments
from workflows.testing.mocks import Mocks
from workflows.testing.rehearsed import Rehearsed
from workflows.testing.rules import IntrospectionError, StepName, key_of
from workflows.types import FINAL, Status

__all__ = ["InstanceIntrospector", "backend_of"]


class InstanceIntrospector(Mocks):
    """One instance under test; it need not exist yet."""

    def __init__(self, binding: Binding[Any], id: str, rehearsed: Rehearsed) -> None:
        super().__init__()
        self.id = id
        self._binding = binding
        self._backend = backend_of(binding)
        self._rehearsed = rehearsed
        rehearsed.rules.insert(0, self._rules)

    async def mock_event(self, type: str, payload: object = None) -> None:
        """Sends an event; before the instance exists it is kept for the first wait that asks for `type`."""
        stored = typed.message(payload)
        if not self._rehearsed.exists.is_set() and await self._found() is None:
            self._rehearsed.events.append((event_type(type), Mocked(stored)))
        else:
            await self._binding.get(self.id).send_event(type, payload)

    async def wait_for_step_result(self, step: StepName) -> Any:
        """What the step returned, once it has; a typed value as the JSON that it is kept as.

        Raises `IntrospectionError`, from the error of the step, when it failed, and when the instance ended
        without it.
        """
        key = key_of(step)
        async with moments(self._backend, await self._ref()) as shown:
            async for moment, entry in shown:
                if entry is None or entry.key != key:
                    continue
                if moment.type == "step_completed":
                    return None if entry.result is None else typed.readable(entry.result)
                if moment.type == "step_errored":
                    assert entry.error is not None
                    raise _step_failed(str(key)) from load(entry.error, rebuildable(()))
        raise IntrospectionError(
            f"[WorkflowIntrospector] The Workflow instance {self.id} has reached status "
            f"'{await self._status()}' without a result of step '{key}'."
        )

    async def wait_for_status(self, status: Status) -> None:
        """Returns once the instance is, or becomes, this; `IntrospectionError` when it ended as another."""
        if status not in get_args(Status):
            raise IntrospectionError(f"{status!r} is no status; there are {', '.join(get_args(Status))}")
        ref = await self._ref()
        if status == "queued":
            return  # whatever exists was queued
        async with following(self._backend, ref, self._rehearsed) as becoming:
            reached: Status | None = await self._status()
            while reached != status:
                if reached is None or reached in FINAL:
                    raise self._unreachable(reached or await self._status(), status)
                reached = await becoming.next()

    async def get_output(self) -> Any:
        """The output of a complete instance."""
        status = await self._binding.get(self.id).status()
        if status.status != "complete":
            raise IntrospectionError(
                f'Cannot retrieve output: Workflow instance is in status "{status.status}" '
                'but must be "complete" to have an output available'
            )
        return status.output

    async def get_error(self) -> Failure:
        """Name and message of the error that ended an errored instance."""
        status = await self._binding.get(self.id).status()
        if status.status != "errored" or status.error is None:
            raise IntrospectionError(
                f'Cannot retrieve error: Workflow instance is in status "{status.status}" '
                'but must be "errored" to have error information available'
            )
        return status.error

    def leave(self) -> None:
        """What was said here does not hold any more."""
        self._rehearsed.rules.remove(self._rules)

    async def _ref(self) -> Ref:
        """Waits until the instance exists."""
        if (ref := await self._found()) is None:
            await self._rehearsed.exists.wait()
            ref = await self._found()
        if ref is None:
            raise InstanceNotFound(f'instance.not_found: {self._binding.name} "{self.id}" was deleted')
        return ref

    async def _found(self) -> Ref | None:
        instance = await self._backend.find(self._binding.name, self.id)
        return None if instance is None else instance.ref

    async def _status(self) -> Status:
        return (await self._binding.get(self.id).status()).status

    def _unreachable(self, reached: Status, wanted: Status) -> IntrospectionError:
        return IntrospectionError(
            f"[WorkflowIntrospector] The Workflow instance {self.id} has reached status '{reached}'. "
            f"This is a finite status that prevents it from ever reaching the expected status of '{wanted}'."
        )


def _step_failed(step: str) -> IntrospectionError:
    error = IntrospectionError("Step failed")
    error.add_note(f"it was step {step}; its error is the cause of this one")
    return error


def backend_of(binding: Binding[Any]) -> Backend:
    """Where the instances of `binding` are kept."""
    return binding._backend  # noqa: SLF001  # the kit belongs to the engine: users cannot reach this
