"""All living agents of an app: one host for each (class, name), and the timers that wake them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agents_sdk.agent import Agent
from agents_sdk.directory import Directory
from agents_sdk.env import Bindings
from agents_sdk.errors import InvalidAgent, NotRunning, UnknownAgent
from agents_sdk.host import Ground, Host
from agents_sdk.routing import kebab
from agents_sdk.schedule import schedule_of
from agents_sdk.sql import SqlFiles
from workflows import Engine, Timer, Timers

__all__ = ["Hosts"]

log = logging.getLogger("agents_sdk")

Classes = Iterable[type[Agent[Any, Any]]] | Mapping[str, type[Agent[Any, Any]]]


class Hosts:
    """Wakes agents, each once."""

    def __init__(self, agents: Classes, *, env: Any) -> None:
        bindings = agents if isinstance(agents, Mapping) else {cls.__name__: cls for cls in agents}
        for binding, cls in bindings.items():
            if not (isinstance(cls, type) and issubclass(cls, Agent)):
                raise InvalidAgent(f'"{binding}" is {cls!r}: give a subclass of Agent')
        self.classes = MappingProxyType({kebab(binding): cls for binding, cls in bindings.items()})
        self._by_name = {cls.__name__: cls for cls in bindings.values()}
        self._env = env
        self._hosts: dict[tuple[str, str], asyncio.Future[Host]] = {}
        self._ground: Ground | None = None
        self._directory: Directory | None = None

    async def open(self, engine: Engine, folder: Path) -> None:
        """Makes the tables and begins to call what is due."""
        self._directory = Directory(engine.store, engine.clock)
        await self._directory.open()
        timers = Timers(engine.store, clock=engine.clock, fire=self._fire)
        env = Bindings(engine) if self._env is None else self._env
        self._ground = Ground(engine, timers, SqlFiles(folder), env)
        await timers.open()

    async def close(self, code: int, reason: str) -> None:
        """Lets what is being called come to its end, then stops every agent."""
        ground, self._ground = self._ground, None
        if ground is None:
            return
        await ground.timers.close()
        hosts = [waked.result() for waked in self._hosts.values() if waked.done() and not waked.exception()]
        await asyncio.gather(*(host.stop(code, reason) for host in hosts))
        self._hosts.clear()
        await ground.files.close()

    async def get(self, cls: type[Agent[Any, Any]], name: str) -> Host:
        """The host of this agent; two who ask at once get one."""
        if cls not in self._by_name.values():
            raise UnknownAgent(f"this app was not given {cls.__name__}: add it to agents=[…]")
        key = (cls.__name__, name)
        waked = self._hosts.get(key)
        if waked is None:
            waked = self._hosts[key] = asyncio.ensure_future(self._wake(cls, name))
            waked.add_done_callback(lambda done: self._forget_failed(key, done))
        return await asyncio.shield(waked)

    async def _wake(self, cls: type[Agent[Any, Any]], name: str) -> Host:
        if self._ground is None or self._directory is None:
            raise NotRunning("the app is not started, or is stopping")
        return Host(cls, await self._directory.enter(cls.__name__, name), self._ground)

    def _forget_failed(self, key: tuple[str, str], waked: asyncio.Future[Host]) -> None:
        if waked.cancelled() or waked.exception() is not None:
            self._hosts.pop(key, None)

    async def _fire(self, timer: Timer) -> None:
        if self._directory is None:
            raise NotRunning("the app is not started, or is stopping")
        listed = await self._directory.find(int(timer.owner))
        if listed is None or listed.cls not in self._by_name:
            whose = "an unknown agent" if listed is None else f'{listed.cls} "{listed.name}"'
            raise UnknownAgent(f"a schedule of {whose} is due, and this app was not given its class")
        host = await self.get(self._by_name[listed.cls], listed.name)
        await host.fire(schedule_of(timer))
