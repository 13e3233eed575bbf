"""`step.do`: a function whose result is remembered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NoReturn

from workflows import failure
from workflows.attempts import Attempts
from workflows.callback import CallStyle
from workflows.codec import surely_above
from workflows.entry import Entry, Key, State
from workflows.errors import NotStorable, WorkflowFatalError
from workflows.retry import StepConfig
from workflows.rollback import Compensation, RollbackContext
from workflows.run import Run
from workflows.streams.stream import Spooled, StepStream, Whole
from workflows.typed import TypedCodec, larger

__all__ = ["Do"]

log = logging.getLogger("workflows")


class Do(Attempts):
    """The `Operation` of one `step.do`."""

    __slots__ = ("_codec", "_value", "compensation")

    _may_stream = True

    def __init__(
        self,
        run: Run,
        key: Key,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        style: CallStyle,
        codec: TypedCodec[Any],
        config: StepConfig,
        compensation: Compensation | None = None,
    ) -> None:
        super().__init__(run, key, function, arguments, style, config)
        self.compensation = compensation
        self._codec = codec
        self._value: object = _NOT_HERE

    def outcome(self, entry: Entry) -> Any:
        """See `Operation.outcome`."""
        if entry.state is State.FAILED:
            assert entry.error is not None
            raise failure.load(entry.error, self._run.classes)
        return self._recorded(entry) if self._value is _NOT_HERE else self._value

    def undone(self, entry: Entry, error: Exception) -> RollbackContext[Any]:
        """What its compensation is called with, because of `error`."""
        if entry.config is not None:
            self._config = self._config.as_first(entry.config, self.key.name)
        output = None if entry.result is None else self._recorded(entry)
        return RollbackContext(self.context(entry), error, output)

    def _recorded(self, entry: Entry) -> Any:
        """The result that `entry` holds, or where it is."""
        assert entry.result is not None
        if (spooled := Spooled.load(entry.result)) is None:
            return self._codec.decode(entry.result)
        stream = StepStream(self._run.activation.chunks(entry), spooled, str(self.key))
        return Whole(stream) if spooled.whole else stream

    def _stored(self, value: Any) -> bytes | NotStorable:
        limit = self._run.limits.value
        try:
            if type(value) is Spooled:
                stored = value.dump()
            elif surely_above(value, limit):  # to encode 100 MB would hold up the loop for seconds
                return larger(f"the result of step {self.key}", limit)
            else:
                stored, self._value = self._codec.encode(value)
        except NotStorable as refusal:
            return refusal
        if len(stored) > limit:
            return larger(f"the result of step {self.key}", limit, f"is {len(stored):,} bytes and")
        return stored

    async def _refused(self, entry: Entry, refusal: NotStorable) -> NoReturn:
        """Ends the instance: a value that cannot be kept must not be kept in part."""
        run, name = self._run, self.key.name
        error = NotStorable(f'Value returned from step "{name}" is not serialisable: {refusal}')
        log.error("%s: %s", run.activation.ref.id, error)
        entry.state, entry.error = State.FAILED, failure.dump(error, run.classes)
        await run.record(entry, *self._seen(), self._errored(entry, error), self._step_errored(error))
        run.end_with(
            WorkflowFatalError(
                f'The execution of the Workflow instance was terminated, as the step "{name}" '
                "returned a value which is not serialisable"
            )
        )


_NOT_HERE = object()
"""The result was recorded by an earlier run."""
