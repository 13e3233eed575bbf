"""The identity of steps: who used which name, how often, in call order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from workflows.entry import Key, Kind
from workflows.errors import AmbiguousStepName, WorkflowFatalError

__all__ = ["Names"]

_LONGEST = 256
_INVALID = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_Task = asyncio.Task[Any]

_traces: ContextVar[tuple[list[Key], ...]] = ContextVar("_traces", default=())


class _Use:
    """How often a name was taken, and by whom."""

    __slots__ = ("count", "shared", "user")

    def __init__(self) -> None:
        self.count = 0
        self.user: ReferenceType[_Task] | None = None
        self.shared = False
        """By more than one task."""


class Names:
    """Occurrences within one run.

    They are taken when a step is called, in call order. That order is the program's as long as a task has
    not waited for anything yet; afterwards it is the order of events. So a task that has waited may not use a
    name that another task has used.
    """

    def __init__(self, used_up: Iterable[Key] = ()) -> None:
        """The numbers of steps that are `used_up` are not given again."""
        self._loop = asyncio.get_running_loop()
        self._uses: dict[tuple[Kind, str], _Use] = {}
        self._waited: set[ReferenceType[_Task]] = set()
        self._latest: _Task | None = None
        """The task that was found to have waited last."""
        self._reserved = set(used_up)
        self._tracing = False
        self._stand_ins: WeakKeyDictionary[_Task, _Task] | None = None
        self.taken: set[Key] = set()

    def take(self, kind: Kind, name: object, *, alike: bool = False) -> Key:
        """The identity of the step that is being called now; `alike`: it is the same whoever comes first."""
        if (
            not isinstance(name, str)
            or not 0 < len(name) <= _LONGEST
            or (not name.isprintable() and _INVALID.search(name))  # looked for only where it may be
        ):
            raise WorkflowFatalError(
                f'Step name "{name}" exceeds max length ({_LONGEST} chars) or invalid characters found'
            )
        use = self._claim(kind, name)
        use.count += 1
        key = Key(kind, name, use.count)
        while self._reserved and key in self._reserved:
            use.count += 1
            key = Key(kind, name, use.count)
        self.taken.add(key)
        if self._tracing and not alike:
            for trace in _traces.get():
                trace.append(key)
        return key

    def trace(self) -> list[Key]:
        """The steps that are going to be called in the current context, and in copies of it."""
        self._tracing = True
        trace: list[Key] = []
        _traces.set((*_traces.get(), trace))
        return trace

    def reserve(self, keys: Iterable[Key]) -> None:
        """Steps that an earlier run has called in tasks that this run does not have."""
        for key in keys:
            self._reserved.add(key)
            self.taken.add(key)
            use = self._uses.setdefault((key.kind, key.name), _Use())
            use.user, use.shared = None, True

    def use(self, key: Key, *, alike: bool) -> None:
        """A step is used once more; `alike`: it has the same identity whoever comes first."""
        self._claim(key.kind, key.name, alike=alike)

    def waited(self, task: _Task) -> None:
        """`task` has waited for a step: what it calls from now on depends on events."""
        if task is not self._latest:
            self._latest = task
            self._waited.add(ref(task if self._stand_ins is None else self._stand_ins.get(task, task)))

    def stand_in(self, task: _Task, beginner: _Task) -> None:
        """What `task` calls counts as called by `beginner`, which does nothing else until `task` ends."""
        if self._stand_ins is None:
            self._stand_ins = WeakKeyDictionary()
        self._stand_ins[task] = self._stand_ins.get(beginner, beginner)
        self._latest = None

    def stand_alone(self, task: _Task) -> None:
        """`task` goes on beside the one that it stood in for."""
        if self._stand_ins is not None and self._stand_ins.pop(task, None) is not None:
            self._waited.add(ref(task))

    def close(self) -> None:
        """No name is taken any more."""
        self._latest = None

    def _claim(self, kind: Kind, name: str, *, alike: bool = False) -> _Use:
        task = asyncio.current_task(self._loop)
        if task is not None and self._stand_ins is not None:
            task = self._stand_ins.get(task, task)
        use = self._uses.get((kind, name))
        if use is None:
            use = self._uses[kind, name] = _Use()
        if task is None or (use.user is not None and use.user() is task):
            return use
        if use.user is None and not use.shared:
            use.user = ref(task)
            return use
        if not alike and ref(task) in self._waited:
            raise AmbiguousStepName(
                f'step "{name}" is used by two tasks at once, so which call is which depends on timing: '
                'put the item into the name, or call it on step.scope("…")'
            )
        use.user, use.shared = None, True
        return use
