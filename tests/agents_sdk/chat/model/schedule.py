"""One random schedule: several clients, a chat, crashes; then rest, and what must hold."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from agents_sdk import AgentsApp, ChatAgent
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.policy import Concurrency, Debounce
from tests.agents_sdk.chat.chats import text_of, user
from tests.agents_sdk.chat.model.client import Screen
from tests.agents_sdk.chat.model.socket import Socket, get
from tests.agents_sdk.chat.model.talker import Seen, talker
from workflows.testing import VirtualClock

__all__ = ["Schedule", "failures"]

POLICIES: list[Concurrency] = [
    "queue",
    "queue",
    "queue",
    "latest",
    "merge",
    "drop",
    "debounce",
    Debounce(0.2),
]
PATH = "/agents/talker/a"
REST = 100.0  # seconds in which everything comes to its end
_ACTIONS = 25
_PATIENCE = 30.0
NAMES = ("ann", "bob", "cid")


class Schedule:
    """What happens is drawn from `seed`; `log` says what was drawn."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.policy = self.dice.choice(POLICIES)
        most = self.dice.choice([None, None, None, 4])
        self.cls: type[ChatAgent[Seen, Any]] = talker(self.policy, most=most)
        self.most = most
        self.clock = VirtualClock()
        self.folder = Path(tempfile.mkdtemp())
        self.lives = 0
        self.screens = {name: Screen(name) for name in NAMES}
        self.sockets: dict[str, Socket] = {}
        self.log: list[str] = []
        self.faults: list[str] = []
        self.numbers = 0
        self.later: list[asyncio.Task[Any]] = []
        self.turns: list[asyncio.Task[Any]] = []

    async def play(self, actions: int) -> None:
        """Raises `AssertionError` when something did not hold."""
        try:
            await self.begin()
            for name in NAMES[:2]:
                await self.connect(name)
            for _ in range(actions):
                await self.act()
            await self.rest()
            await self.check()
            await self.crash()
            await self.rest()
            await self.check()
        finally:
            await self.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not self.faults, "\n".join(self.faults)

    async def begin(self) -> None:
        self.seen = Seen()
        self.app = AgentsApp([self.cls], data=self.folder / str(self.lives), env=self.seen, clock=self.clock)
        await self.app.start()
        self.agent = await self.app.get_agent(self.cls, "a")

    async def close(self) -> None:
        for name in list(self.sockets):
            await self.drop(name)
        for task in (*self.later, *self.turns):
            task.cancel()
        await asyncio.gather(*self.later, *self.turns, return_exceptions=True)
        self.later.clear()
        self.turns.clear()
        del self.agent
        await self.app.stop()

    async def crash(self) -> None:
        """The next life begins with what was committed at this moment."""
        self.say("crash")
        old, self.lives = self.folder / str(self.lives), self.lives + 1
        new = self.folder / str(self.lives)
        new.mkdir()
        with sqlite3.connect(old / "agents.db") as source, sqlite3.connect(new / "agents.db") as target:
            source.backup(target)
        source.close()
        target.close()
        self.look_at_life()
        self.seen.dead = True
        back = list(self.sockets)
        for name in back:
            self.sockets[name].is_open = False  # nothing of the end of the old life is seen
        await self.close()
        await self.begin()
        for name in back:
            await self.connect(name, again=True)

    def say(self, what: str) -> None:
        self.log.append(f"{self.clock.now() % 100_000:.3f} {what}")

    def new(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}{self.numbers}"

    async def wait(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    async def settle(self, passes: int = 20) -> None:
        """A few turns of the loop, in which no time passes on purpose."""
        for _ in range(passes):
            await asyncio.sleep(0)

    # clients

    async def connect(self, name: str, *, again: bool = False) -> None:
        """A page that is loaded fetches the transcript; a socket that comes again asks only."""
        screen = self.screens[name]
        again = again and bool(screen.frames)
        screen.connected()
        early: list[dict[str, Any]] | None = None if again else []

        def take(frame: dict[str, Any]) -> None:
            if early is None:
                self.take(name, frame)
            else:
                early.append(frame)

        socket = self.sockets[name] = Socket(self.app, PATH, name, take)
        if early is not None:
            screen.messages = await get(self.app, f"{PATH}/get-messages")
            screen.stale = False
            frames, early = early, None
            for frame in frames:
                self.take(name, frame)
        self.say(f"{name} connects{' again' if again else ''}")
        socket.send(screen.probe(self.new("p")))

    async def drop(self, name: str) -> None:
        socket = self.sockets.pop(name)
        socket.drop()
        screen = self.screens[name]
        screen.own.clear()
        screen.stale = True
        await socket.ended()

    def take(self, name: str, frame: dict[str, Any]) -> None:
        screen = self.screens[name]
        before = list(screen.offered)
        try:
            screen.take(frame)
        except Exception as error:  # noqa: BLE001  # it would look like a socket that has failed
            self.fault(f"{name} cannot take {frame}: {error!r}")
        for id in screen.offered:
            if id not in before:
                self.offered(name, id)

    def offered(self, name: str, id: str) -> None:
        """It acknowledges at once, later, or never."""
        after = self.dice.choice([0.0, 0.0, 0.0, 0.05, 1.0, 6.0, None])
        self.say(f"{name} is offered {id}, and acknowledges after {after}")
        if after == 0.0:
            self.sockets[name].send(self.screens[name].ack(id))
        elif after is not None:
            self.spawn(self.ack_later(name, id, after))

    async def ack_later(self, name: str, id: str, seconds: float) -> None:
        socket = self.sockets[name]
        await self.clock.sleep(seconds)
        if self.sockets.get(name) is socket and id in self.screens[name].offered:
            self.say(f"{name} acknowledges {id}")
            socket.send(self.screens[name].ack(id))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        self.later.append(asyncio.create_task(work))

    # actions

    async def act(self) -> None:
        weights = {
            "submit": 8, "regenerate": 2, "cancel": 3, "clear": 1, "leave": 2, "arrive": 3, "probe": 2,
            "tool": 6, "keep": 2, "save": 2, "go_on": 1, "persist": 1, "pass_time": 10, "crash": 1,
        }  # fmt: skip
        what = self.dice.choices(list(weights), weights=list(weights.values()))[0]
        here = list(self.sockets)
        if what in ("submit", "regenerate", "cancel", "clear", "leave", "probe", "tool", "keep"):
            if not here:
                return
            done = getattr(self, what)(self.dice.choice(here))
        else:
            done = getattr(self, what)()
        if done is not None:
            await done
        if self.dice.random() < 0.6:
            await self.settle(self.dice.choice([1, 5, 50]))

    def plan(self) -> str:
        how = self.dice.choice(["chunks"] * 7 + ["plain", "none", "throw"])
        kinds: list[list[Any]] = [["say"], ["say", 0.02], ["say", 0.3], ["sleep", 0.1], ["sleep", 3.0]]
        steps = self.dice.choices(kinds, k=self.dice.randrange(1, 4))
        last = self.dice.choice(["say", "say", "call", "call", "ask", "fail"])
        steps.append([last])
        if last in ("call", "ask") and self.dice.random() < 0.5:
            steps.append([self.dice.choice(["call", "sleep"]), 2.0])
        return json.dumps({"how": how, "pause": self.dice.choice([0, 0, 0.1, 2.0]), "steps": steps})

    def submit(self, name: str) -> None:
        screen = self.screens[name]
        asked = user(self.new("u"), self.plan())
        screen.messages.append(asked)
        screen.said.add(asked["id"])
        self.ask(name, "submit-message")

    def regenerate(self, name: str) -> None:
        screen = self.screens[name]
        if not screen.messages or screen.answers or screen.own:
            return
        if screen.messages[-1]["role"] == "assistant":
            screen.messages.pop()
        if screen.messages:
            self.ask(name, "regenerate-message")

    def ask(self, name: str, trigger: str) -> None:
        screen, request = self.screens[name], self.new("r")
        self.say(f"{name} {trigger} {request}: {[one['id'] for one in screen.messages]}")
        body = json.dumps({"messages": screen.messages, "trigger": trigger})
        frame = {
            "type": "cf_agent_use_chat_request",
            "id": request,
            "init": {"method": "POST", "body": body},
        }
        screen.own.add(request)
        self.sockets[name].send(frame)

    def cancel(self, name: str) -> None:
        requests = [one for screen in self.screens.values() for one in screen.own if not screen.ends[one]]
        requests += [one for screen in self.screens.values() for one in screen.answers]
        if requests:
            request = self.dice.choice(sorted(requests))
            self.say(f"{name} cancels {request}")
            self.sockets[name].send({"type": "cf_agent_chat_request_cancel", "id": request})

    def clear(self, name: str) -> None:
        self.say(f"{name} clears")
        self.sockets[name].send(self.screens[name].clear())

    async def leave(self, name: str) -> None:
        self.say(f"{name} leaves")
        await self.drop(name)

    async def arrive(self) -> None:
        away = [name for name in NAMES if name not in self.sockets]
        if away:
            name = self.dice.choice(away)
            await self.connect(name, again=self.dice.random() < 0.5)

    def probe(self, name: str) -> None:
        self.sockets[name].send(self.screens[name].probe(self.new("p")))

    def tool(self, name: str) -> None:
        """Answers a call that it sees."""
        calls = [
            part
            for message in self.screens[name].messages
            for part in message["parts"]
            if part.get("state") in ("input-available", "approval-requested")
        ]
        if not calls:
            return
        part = self.dice.choice(calls)
        frame: dict[str, Any] = {
            "toolCallId": part["toolCallId"],
            "autoContinue": self.dice.random() < 0.8,
        }
        if part["state"] == "approval-requested":
            frame |= {"type": "cf_agent_tool_approval", "approved": self.dice.random() < 0.7}
        else:
            frame |= {"type": "cf_agent_tool_result", "toolName": "look", "output": self.new("o")}
        self.say(f"{name} says {frame}")
        self.sockets[name].send(frame)
        if frame["autoContinue"]:
            self.probe(name)

    def keep(self, name: str) -> None:
        screen = self.screens[name]
        if screen.answers:
            return
        added = user(self.new("k"), '{"how": "plain", "pause": 0, "steps": ["say"]}')
        screen.said.add(added["id"])
        screen.messages.append(added)
        self.say(f"{name} keeps {[one['id'] for one in screen.messages]}")
        self.sockets[name].send({"type": "cf_agent_chat_messages", "messages": screen.messages})

    def save(self) -> None:
        asked = user(self.new("s"), self.plan())
        self.say(f"the agent saves {asked['id']}")
        self.turns.append(asyncio.create_task(self.agent.save_messages([asked])))

    def go_on(self) -> None:
        self.say("the agent goes on")
        self.turns.append(asyncio.create_task(self.agent.continue_last_turn()))

    def persist(self) -> None:
        asked = user(self.new("q"), self.plan())
        self.say(f"the agent persists {asked['id']}")
        self.turns.append(asyncio.create_task(self.agent.persist_messages([asked])))

    async def pass_time(self) -> None:
        await self.wait(self.dice.choice([0.01, 0.06, 0.1, 0.3, 1.0, 5.5]))

    # rest

    async def rest(self) -> None:
        self.say("rest")
        for name in list(self.sockets):
            if self.screens[name].stale:
                await self.drop(name)
                await self.connect(name)
        await self.wait(REST)
        self.say("rested")

    def look_at_life(self) -> None:
        """What must hold in every life."""
        if self.seen.most > 1:
            self.fault(f"{self.seen.most} answers at a time")
        for request, count in self.seen.answered.items():
            if count > 1:
                self.fault(f"on_chat_response was called {count} times for {request}")
        for error in self.seen.errors:
            self.fault(f"on_error was told {error}")

    def fault(self, what: str) -> None:
        self.faults.append(what)

    async def check(self) -> None:
        self.look_at_life()
        stored = await get(self.app, f"{PATH}/get-messages")
        for request in self.seen.began:
            if not self.seen.answered[request]:
                self.fault(f"on_chat_response was not called for {request}")
        ids = [one["id"] for one in stored]
        if len(ids) != len(set(ids)):
            self.fault(f"a message is stored twice: {ids}")
        for name in self.sockets:
            self.check_screen(self.screens[name], stored)
        for task in self.turns:
            if not task.done():
                self.fault("a turn of the agent has not ended")
            elif (error := task.exception()) is not None:
                self.fault(f"a turn of the agent raised {error!r}")
        self.check_rows(stored)

    def check_screen(self, screen: Screen, stored: list[dict[str, Any]]) -> None:
        for fault in (*screen.faults, *screen.untold):
            self.fault(f"{screen.name}: {fault}")
        screen.faults.clear()
        screen.untold.clear()
        for request in screen.own:
            if screen.ends[request] != 1:
                self.fault(f"{screen.name}: {request} came to {screen.ends[request]} ends")
        for probe, answers in screen.probes.items():
            if not answers:
                self.fault(f"{screen.name}: probe {probe} was not answered")
        if screen.pending:
            self.fault(f"{screen.name} is still told that something is pending")
        shown, kept = brief(screen.messages), brief(stored)
        # What it has said itself may be missing: a transcript was on its way to it.
        if screen.loose:  # as with the original: nobody tells it what came between
            shown, kept = sorted(shown), sorted(kept)
        kept = [one for one in kept if one in shown or one[0] not in screen.said]
        if self.most is not None:  # nor what was trimmed
            shown = [one for one in shown if one in kept]
        if not screen.stale and shown != kept:
            lines = [f"{screen.name} does not see what is stored"]
            lines += [f"   shows {one}" for one in shown if one not in kept]
            lines += [f"  stored {one}" for one in kept if one not in shown]
            if sorted(shown) == sorted(kept):
                lines += [f"  order {[one[0] for one in shown]}, {[one[0] for one in kept]}"]
            self.fault("\n".join(lines))

    def check_rows(self, stored: list[dict[str, Any]]) -> None:
        with sqlite3.connect(self.folder / str(self.lives) / "agents.db") as rows:
            turns = rows.execute("SELECT first FROM chat_turn WHERE error IS NULL").fetchall()
            chunks = rows.execute(
                "SELECT DISTINCT first FROM chat_chunk WHERE first NOT IN (SELECT first FROM chat_turn)"
            ).fetchall()
        rows.close()
        if turns:
            self.fault(f"turns that nobody runs: {turns}")
        if chunks:
            self.fault(f"chunks of no turn: {chunks}")
        chat = self.agent.ctx.part(Chat)
        if chat.resuming._active is not None:
            self.fault("an answer is thought to be under way")
        for message in stored:
            for part in message["parts"]:
                if part.get("state") in ("streaming", "input-streaming"):
                    self.fault(f"{message['id']} is stored with an open part")


def brief(messages: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """What of messages is compared."""
    return [
        (
            one["id"],
            one["role"],
            text_of(one),
            json.dumps(
                [[part["toolCallId"], part["state"]] for part in one["parts"] if "toolCallId" in part]
            ),
        )
        for one in messages
    ]


def failures(schedules: int, first: int) -> list[str]:
    """Plays so many, from the seed `first` on; of each that fails, what did not hold, and what happened."""
    return [failure for seed in range(first, first + schedules) if (failure := asyncio.run(_played(seed)))]


async def _played(seed: int) -> str | None:
    schedule = Schedule(seed)
    try:
        async with asyncio.timeout(_PATIENCE):
            await schedule.play(_ACTIONS)
    except (AssertionError, TimeoutError) as error:
        return "\n".join([f"seed {seed}, {schedule.policy}:", *schedule.log[-100:], repr(error), str(error)])
    return None
