"""APScheduler as the timing engine: its loop, our clock, and a job store that is a window of our table.

Its own stores, triggers, misfires and instance limits stay out of it: they drop what is late and forget what
was cut off. To it, there is one job: to start whatever is due.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from workflows.clock import Alarm, Clock
from workflows.timers.window import Entry, Window, timer_window

__all__ = ["ClockScheduler", "WindowJobStore"]

_SOON = 0.1


class ClockScheduler(AsyncIOScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Starts what is due by `clock` in every window that is attached."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(timezone=UTC, executors={"default": _InPlace()}, jobstore_retry_interval=_SOON)
        self._clock = clock
        self._windows: dict[str, WindowJobStore] = {}
        self._alarm: Alarm | None = None

    def attach(
        self, name: str, window: Window[int], *, free: Callable[[], int], start: Callable[[list[Entry]], None]
    ) -> None:
        """From now on `start` gets what is due in `window`, never more than `free()` of it."""
        self._windows[name] = store = WindowJobStore(window, clock=self._clock, free=free, start=start)
        self.add_jobstore(store, name)
        if not self.running:
            self.start()

    def add_jobstore(self, jobstore: BaseJobStore, alias: str = "default", **options: object) -> None:
        """Only windows of our table: stores of APScheduler keep pickles, which run as they are read."""
        if type(jobstore) is not WindowJobStore:
            raise TypeError(f"{jobstore!r} is no job store for this scheduler: only windows of the table are")
        super().add_jobstore(jobstore, alias, **options)

    def detach(self, name: str) -> None:
        """Nothing more is started of this window."""
        del self._windows[name]
        self.remove_jobstore(name)
        if not self._windows:
            self._stop_timer()

    def _create_default_jobstore(self) -> WindowJobStore:
        """APScheduler wants one at its start, and nothing is ever in this one."""
        return WindowJobStore(timer_window(1), clock=self._clock, free=lambda: 0, start=lambda _due: None)

    def look_again(self) -> None:
        """Something may be due sooner than the alarm is set to."""
        due = self._next_due()
        if self.running and due is not None and (self._alarm is None or due / 1000 < self._alarm.when):
            self.wakeup()

    def _next_due(self) -> int | None:
        dues = (store.next_due() for store in self._windows.values())
        return min((due for due in dues if due is not None), default=None)

    def _start_timer(self, wait_seconds: float | None) -> None:
        # What is given was reckoned by the machine's clock. Only whether to wait at all comes from there.
        self._stop_timer()
        due = self._next_due()
        if wait_seconds is not None and due is not None:
            self._alarm = self._clock.call_at(due / 1000, self.wakeup)

    def _stop_timer(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


class WindowJobStore(BaseJobStore):  # type: ignore[misc]  # APScheduler has no types
    """A window, shown as a store with at most one job."""

    def __init__(
        self,
        window: Window[int],
        *,
        clock: Clock,
        free: Callable[[], int],
        start: Callable[[list[Entry]], None],
    ) -> None:
        super().__init__()
        self._window = window
        self._clock = clock
        self._free = free
        self._start_due = start
        self._batch: Job | None = None

    def next_due(self) -> int | None:
        """When the next one is due that may be started."""
        return None if self._free() == 0 else self._window.next_due

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Takes everything that is due out of the window, as one job."""
        taken = self._window.take(self._clock.now(), self._free())
        if not taken:
            return []
        if self._batch is None:
            self._batch = self._one_job(now)
        self._batch.args = (taken,)
        self._batch.next_run_time = now
        return [self._batch]

    def get_next_run_time(self) -> datetime | None:
        """Whether anything waits that may be started; when it is due, the scheduler asks our clock."""
        return None if self.next_due() is None else datetime.now(UTC)

    def lookup_job(self, job_id: str) -> Job | None:  # noqa: ARG002  APScheduler's signature
        """Nothing is known by name."""
        return None

    def get_all_jobs(self) -> list[Job]:
        """The one job there is."""
        return [] if self._batch is None else [self._batch]

    def add_job(self, job: Job) -> None:
        """Timers are added to the table."""
        raise NotImplementedError("add timers with `Timers.add`")

    def update_job(self, job: Job) -> None:
        """Nothing to keep."""

    def remove_job(self, job_id: str) -> None:
        """Nothing to keep."""

    def remove_all_jobs(self) -> None:
        """Nothing to keep."""

    def _one_job(self, now: datetime) -> Job:
        return Job(
            self._scheduler,
            id="due timers",
            func=self._start_due,
            args=([],),
            kwargs={},
            trigger=_WheneverDue(),
            executor="default",
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
            next_run_time=now,
        )


class _WheneverDue(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Never ends, so that the job is not taken for finished; it says nothing about time."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002
        return now + timedelta(days=1)


class _InPlace(BaseExecutor):  # type: ignore[misc]  # APScheduler has no types
    """Calls at once: starting what is due only makes tasks."""

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:  # noqa: ARG002
        job.func(*job.args)

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        raise NotImplementedError("submit_job is all there is")
