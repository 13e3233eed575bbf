"""What an engine knows of a workflow class: its name, its types, its limits."""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from workflows import codec
from workflows.backend import Kept
from workflows.entrypoint import WorkflowEntrypoint
from workflows.errors import CannotDecode, InvalidCron, InvalidParams, WorkflowError
from workflows.failure import Rebuildable, rebuildable
from workflows.hooks.hook import Hooks, hooks_of
from workflows.operation import Limits
from workflows.retention import Retention, kept
from workflows.timers.cron import Cron
from workflows.typed import UNTYPED, TypedCodec, annotated, codec_for, first_line, message, too_large

__all__ = ["Definition", "checked_concurrency", "define"]

_PARAMS = 1  # their place in WorkflowEntrypoint[Env, Params]
_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Definition:
    """A workflow class, looked at once."""

    workflow: type[WorkflowEntrypoint[Any, Any]]
    name: str
    params: TypedCodec[Any]
    output: TypedCodec[Any]
    classes: Rebuildable
    limits: Limits
    concurrency: int | None
    retention: Retention
    """What counts where the instance says nothing."""
    kept_unasked: Kept
    """The same, looked at."""
    schedules: tuple[Cron, ...]
    hooks: Hooks

    def kept(self, asked: Retention | None) -> Kept:
        """For how long an instance is kept."""
        return self.kept_unasked if asked is None else kept(asked, self.retention)

    def dump_params(self, params: object) -> bytes:
        """`params` as they are stored; `InvalidParams` when they do not fit the workflow."""
        try:
            stored = message(self.params.validate(params))
        except ValidationError as error:
            raise InvalidParams(f"params of {self.name} do not fit: {first_line(error)}") from None
        if (refusal := too_large(stored, f"params of {self.name}", self.limits.value)) is not None:
            raise refusal
        return stored

    def load_params(self, stored: bytes) -> Any:
        """A new copy of the params; `CannotDecode` when the class has changed too much."""
        try:
            return self.params.validate(codec.decode(stored))
        except ValidationError as error:
            raise CannotDecode(f"its params do not fit {self.name} any more: {first_line(error)}") from None

    @property
    def value_limit(self) -> int:
        """Bytes of one stored value."""
        return self.limits.value


def define(
    workflow: object, *, value_limit: int, stream_limit: int, retention: Retention | None = None
) -> Definition:
    """Looks at a workflow class."""
    if not (isinstance(workflow, type) and issubclass(workflow, WorkflowEntrypoint)):
        raise WorkflowError(f"{workflow!r} is not a subclass of WorkflowEntrypoint")
    name = workflow.__name__
    if not _NAME.fullmatch(name):
        raise WorkflowError(f"{name!r} is not a workflow name: use ASCII letters, digits and _, at most 64")
    retention = {**(retention or {}), **workflow.retention}
    definition = Definition(
        workflow=workflow,
        name=name,
        params=_params(workflow),
        output=annotated(workflow.run, workflow.run.__annotations__.get("return")),
        classes=rebuildable(workflow.errors),
        limits=Limits(steps=workflow.step_limit, value=value_limit, stream=stream_limit),
        concurrency=checked_concurrency(workflow.concurrency, name),
        retention=retention,
        kept_unasked=_kept(name, retention),
        schedules=_schedules(name, workflow.schedules),
        hooks=hooks_of(name, workflow.on_complete, workflow.on_failure),
    )
    if definition.schedules:
        _refuse_params(definition)
    return definition


def checked_concurrency(limit: object, of: str) -> int | None:
    """A limit of instances that may run at once."""
    if limit is not None and (type(limit) is not int or limit < 1):
        raise WorkflowError(f"concurrency of {of} is {limit!r}: give a whole number, 1 or more, or None")
    return limit


def _kept(name: str, retention: Retention) -> Kept:
    try:
        return kept(retention)
    except (WorkflowError, ValueError) as error:
        raise WorkflowError(f"{name} has a wrong retention: {error}") from None


def _schedules(name: str, given: object) -> tuple[Cron, ...]:
    listed = [given] if isinstance(given, str | Cron) else given
    if not isinstance(listed, Sequence) or not all(isinstance(one, str | Cron) for one in listed):
        raise WorkflowError(f"schedules of {name} are {given!r}: give cron expressions")
    try:
        return tuple(dict.fromkeys(Cron.parse(one) if isinstance(one, str) else one for one in listed))
    except InvalidCron as error:
        raise InvalidCron(f"{name} has a wrong schedule: {error}") from None


def _refuse_params(definition: Definition) -> None:
    try:
        definition.dump_params({})
    except InvalidParams as error:
        raise InvalidParams(
            f"{definition.name} has schedules, whose instances get {{}} as params: give each of its Params a"
            f" default ({error})"
        ) from None


def _params(workflow: type) -> TypedCodec[Any]:
    """The Params of the `WorkflowEntrypoint[Env, Params]` that the class derives from, at any distance."""
    given = _argument(workflow, _PARAMS)
    return UNTYPED if given is None or isinstance(given, typing.TypeVar) else codec_for(given)


def _argument(cls: type, number: int) -> Any:
    """What `cls` gives for a type parameter of `WorkflowEntrypoint`; None: nothing."""
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin, arguments = typing.get_origin(base) or base, typing.get_args(base)
        if not (isinstance(origin, type) and issubclass(origin, WorkflowEntrypoint)):
            continue
        if origin is not WorkflowEntrypoint:  # it may hand the parameter on, under a number of its own
            found, own = _argument(origin, number), getattr(origin, "__parameters__", ())
            if found not in own:
                return found
            number = own.index(found)
        return arguments[number] if number < len(arguments) else None
    return None
