"""How a test says what steps do instead of acting."""

from __future__ import annotations

from workflows.entry import Kind
from workflows.testing.rules import Fate, IntrospectionError, Rules, StepName, key_of

__all__ = ["Mocks"]


class Mocks:
    """A step is named by `"name"`, or by `("name", index)` where a name is used several times, from 1.

    What is said holds for what begins afterwards: an outcome that was recorded stays what it is.
    """

    def __init__(self) -> None:
        self._rules = Rules()

    def disable_sleeps(self, *steps: StepName) -> None:
        """These sleeps are over as soon as they begin; all of them when none is named."""
        self._skip(Kind.SLEEP, steps)

    def disable_retry_delays(self, *steps: StepName) -> None:
        """These steps are tried again at once, though the planned delay is shown; all when none is named.

        What undoes them is, too.
        """
        self._skip(Kind.DO, steps)
        self._skip(Kind.ROLLBACK, steps)

    def mock_step_result(self, step: StepName, value: object) -> None:
        """The step returns `value`, which is what its function would have returned; that is not called."""
        fate, name = self._fate(step)
        if fate.result is not None:
            raise IntrospectionError(f"[WorkflowIntrospector] Trying to mock step '{name}' multiple times!")
        fate.result = lambda: value

    def mock_step_error(self, step: StepName, error: Exception, times: int | None = None) -> None:
        """Attempts of the step fail with `error`: the next `times` that nothing was said of, else all."""
        fate = self._without_result(step, "mock error")
        if times is None:
            fate.error = error
        else:
            fate.errors.update(dict.fromkeys(fate.plan(times), error))

    def force_step_timeout(self, step: StepName, times: int | None = None) -> None:
        """Attempts of the step time out at once: the next `times` that nothing was said of, else all."""
        fate = self._without_result(step, "force timeout")
        if times is None:
            fate.timeout = True
        else:
            fate.timeouts.update(fate.plan(times))

    def force_event_timeout(self, step: StepName) -> None:
        """The `wait_for_event` times out as soon as it begins, even if its event is there."""
        self._rules.timeouts.add(key_of(step, Kind.WAIT))

    def _skip(self, kind: Kind, steps: tuple[StepName, ...]) -> None:
        self._rules.skipped.update(key_of(step, kind) for step in steps)
        if not steps:
            self._rules.all_skipped.add(kind)

    def _fate(self, step: StepName) -> tuple[Fate, str]:
        key = key_of(step)
        return self._rules.fates.setdefault(key, Fate()), key.name

    def _without_result(self, step: StepName, what: str) -> Fate:
        fate, name = self._fate(step)
        if fate.result is not None:
            raise IntrospectionError(
                f"[WorkflowIntrospector] Trying to {what} on step '{name}' after mocking its result!"
            )
        return fate
