"""`Sched`: schedules that write a log, which outlives crashes."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from agents_sdk import Agent, Schedule, callable  # noqa: A004

__all__ = ["Sched"]


class Sched(Agent[None, Any]):
    async def on_start(self) -> None:
        await self.sql("CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, t INTEGER, v TEXT)")

    @callable()
    async def sched(
        self, when: float | str, callback: str, payload: Any = None, options: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        asked = options or {}
        made = await self.schedules.add(
            _time(when),
            callback,
            payload,
            idempotent=asked.get("idempotent"),
            attempts=(asked.get("retry") or {}).get("maxAttempts", 7),
        )
        return _shown(made)

    @callable()
    async def every(self, interval: float, callback: str, payload: Any = None) -> dict[str, Any]:
        return _shown(await self.schedule_every(interval, callback, payload))

    @callable(name="q")
    async def put(self, callback: str, payload: Any = None) -> str:
        return await self.queue(callback, payload)

    @callable(name="getLog")
    async def get_log(self) -> list[dict[str, Any]]:
        return await self.sql("SELECT id, t, v FROM log ORDER BY id")

    async def tick(self, payload: Any, schedule: Any) -> None:
        called = {"cb": "tick", "payload": payload}
        if isinstance(schedule, Schedule):
            called |= {"schedule": _shown(schedule)}
        await self.sql("INSERT INTO log(t, v) VALUES (?, ?)", int(time.time() * 1000), json.dumps(called))


def _time(when: float | str) -> float | str | datetime:
    """Dates come as texts, as JSON has none."""
    if isinstance(when, str) and when[:4].isdigit() and "T" in when:
        return datetime.fromisoformat(when)
    return when


def _shown(schedule: Schedule) -> dict[str, Any]:
    rule = {
        "delayInSeconds": schedule.delay,
        "cron": schedule.cron,
        "intervalSeconds": schedule.interval,
    }
    return {
        "id": str(schedule.id),
        "callback": schedule.callback,
        "payload": schedule.payload,
        "time": schedule.time.timestamp(),
        "type": schedule.type,
        **{key: value for key, value in rule.items() if value is not None},
    }
