"""Sub-agents as their parents and they themselves have them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import (
    Aborted,
    Agent,
    AgentsApp,
    InvalidAgent,
    NotRunning,
    PathStep,
    SubAgent,
    TooDeep,
    UnknownAgent,
)
from agents_sdk.life import hosts
from tests.agents_sdk.family import Inbox, Note, app
from tests.agents_sdk.remains import kept, kill_when_destroyed

pytestmark = pytest.mark.anyio


@pytest.fixture
def env() -> dict[str, Any]:
    return {"stopped": [], "waits": asyncio.Event()}


@pytest.fixture
async def inboxes(tmp_path: Path, env: dict[str, Any]) -> AsyncIterator[AgentsApp]:
    async with app(tmp_path, env) as inboxes:
        yield inboxes


async def test_a_sub_agent_is_that_of_its_parent_only(inboxes: AgentsApp) -> None:
    ann, bob = await inboxes.get_agent(Inbox, "ann"), await inboxes.get_agent(Inbox, "bob")
    note = await ann.note("a")
    assert (await note.write("hello"), await note.rows()) == (1, 1)
    await note.schedule(3_600, "write", "later")
    assert await (await ann.note("a")).write("again") == 2
    other = await bob.note("a")
    nested = await note.below("a")
    for one in (other, nested):
        assert (one.state, await one.rows(), await one.get_schedules()) == ({"lines": []}, 0, [])
    assert len({one.ctx.id for one in (note, other, nested)}) == 3


async def test_it_knows_where_it_stands(inboxes: AgentsApp) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    nested = await (await ann.note("a")).below("b")
    root, middle, leaf = PathStep("Inbox", "ann"), PathStep("Note", "a"), PathStep("Note", "b")
    assert (ann.parent_path, ann.self_path) == ((), (root,))
    assert (nested.parent_path, nested.self_path) == ((root, middle), (root, middle, leaf))
    assert repr(nested) == '<Note "b" of Note "a" of Inbox "ann">'
    assert await nested.whose() == [True, None, None]


async def test_it_reaches_its_parent_and_nobody_else_as_one(inboxes: AgentsApp) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    note = await ann.note("a")
    assert await note.ask_parent("hi") == "ann heard hi from a"
    with pytest.raises(UnknownAgent, match=r'the parent of Note "b" of Note "a" .* is a Note, and no Inbox'):
        await (await note.below("b")).ask_parent("hi")
    with pytest.raises(UnknownAgent, match="has no parent"):
        await ann.parent_agent(Inbox)


async def test_they_are_listed_the_oldest_first_and_never_among_the_others(inboxes: AgentsApp) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    for name in ("z", "a", "ann"):
        await ann.note(name)
    await (await ann.note("a")).below("inner")
    listed = await ann.children.list(Note)
    assert [(one.class_name, one.name) for one in listed] == [("Note", "z"), ("Note", "a"), ("Note", "ann")]
    assert isinstance(listed[0], SubAgent)
    assert listed[0].created.tzinfo is not None
    assert (await ann.children.list(), await ann.children.list("Gone")) == (listed, [])
    assert (await ann.children.has(Note, "a"), await ann.children.has("Note", "inner")) == (True, False)
    assert [one.name for one in await inboxes.list_agents(Inbox)] == ["ann"]


async def test_classes_of_agents_may_be_sub_agents_too(tmp_path: Path) -> None:
    async with AgentsApp([Inbox, Note], data=tmp_path, env={"stopped": []}) as both:
        ann = await both.get_agent(Inbox, "ann")
        top, below = await both.get_agent(Note, "a"), await ann.note("a")
        await below.write("x")
        assert (top.state, below.state) == ({"lines": []}, {"lines": ["x"]})
        assert [one.name for one in await both.list_agents(Note)] == ["a"]
        assert await (await ann.sub_agent(Inbox, "ann")).tell("x") == "ann heard x"


async def test_what_cannot_be_a_sub_agent_says_why(inboxes: AgentsApp) -> None:
    class Strange(Agent[None, None]): ...

    class Note(Agent[None, None]): ...

    ann = await inboxes.get_agent(Inbox, "ann")
    for cls in (Strange, Note):
        with pytest.raises(UnknownAgent, match=r"this app was not given .*: add it to sub_agents="):
            await ann.sub_agent(cls, "a")
    with pytest.raises(TypeError, match="is a str, not 7"):
        await ann.note(7)  # type: ignore[arg-type]  # that is the point
    last = await (await (await ann.note("2")).below("3")).below("4")
    with pytest.raises(TooDeep, match=r'Note "5" would be below .* 4 levels deep at most'):
        await last.below("5")
    assert await ann.children.list(Strange) == []


async def test_sub_agents_have_no_life_of_their_own(inboxes: AgentsApp) -> None:
    with pytest.raises(UnknownAgent, match="this app was not given Note, it has Inbox: add it to agents="):
        await inboxes.get_agent(Note, "a")


def test_classes_are_refused_that_urls_cannot_tell_apart() -> None:
    class Sub(Agent[None, None]): ...

    class Mail_box(Agent[None, None]): ...  # noqa: N801

    class Mail_Box(Agent[None, None]): ...  # noqa: N801

    other = type("Note", (Agent,), {})
    with pytest.raises(InvalidAgent, match='"sub" leads to sub-agents'):
        AgentsApp([], sub_agents=[Sub])
    with pytest.raises(InvalidAgent, match='"sub" leads to sub-agents'):
        AgentsApp({"Fine": Sub})
    with pytest.raises(InvalidAgent, match="two classes are called Note"):
        AgentsApp([Note], sub_agents=[other])
    twin = type("mailBox", (Agent,), {})
    AgentsApp([Mail_box], sub_agents=[Mail_Box, Mail_box])
    with pytest.raises(InvalidAgent, match='two sub-agents would answer at "sub/mail-box"'):
        AgentsApp([type("MailBox", (Agent,), {})], sub_agents=[twin])


async def test_a_deleted_one_leaves_nothing_and_its_name_is_free(tmp_path: Path, env: dict[str, Any]) -> None:
    async with app(tmp_path, env) as inboxes:
        ann = await inboxes.get_agent(Inbox, "ann")
        note = await ann.note("a")
        inner = await note.below("inner")
        for one in (note, inner, await ann.note("stays")):
            await one.write("x")
            await one.schedule(3_600, "write", "later")
        assert await ann.children.delete(Note, "a") is True
        assert await ann.children.has(Note, "a") is False
        assert await ann.children.delete(Note, "a") is False
        fresh = await ann.note("a")
        assert (fresh.state, await fresh.rows(), await fresh.children.list()) == ({"lines": []}, 0, [])
        with pytest.raises(NotRunning, match="or destroyed"):
            await inner.write("late")
    assert sorted(env["stopped"]) == ["a", "a", "inner", "stays"]
    assert kept(tmp_path) == {"agent": 3, "agent_state": 1, "timer": 1, "files": 2}


async def test_they_end_with_their_parent(
    tmp_path: Path, env: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with app(tmp_path, env) as inboxes:
        ann = await inboxes.get_agent(Inbox, "ann")
        note = await ann.note("a")
        for one in (note, await note.below("b")):
            await one.write("x")
            await one.schedule(3_600, "write", "later")
        await ann.end()
        again = await inboxes.get_agent(Inbox, "ann")
        assert (await again.children.list(), (await again.note("a")).state) == ([], {"lines": []})
        with pytest.raises(NotRunning, match='the parent of Note "late" of Inbox "ann" was destroyed'):
            await again.make_after_the_end()
    assert not [record for record in caplog.records if record.name.startswith("agents_sdk")]
    assert sorted(env["stopped"]) == ["a", "a", "b"]
    assert kept(tmp_path) == {"agent": 0, "agent_state": 0, "timer": 0, "files": 0}


async def test_what_does_not_end_in_time_is_cut_off(
    inboxes: AgentsApp, env: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_GRACE", 0.05)
    note = await (await inboxes.get_agent(Inbox, "ann")).note("a")
    waiting = asyncio.create_task(note.wait())
    await env["waits"].wait()
    await note.destroy()
    with pytest.raises(NotRunning, match="or destroyed"):
        await note.write("late")
    with pytest.raises(Aborted, match='Note "a" of Inbox "ann" was cut off by its end'):
        await waiting


async def test_one_may_end_itself(inboxes: AgentsApp) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    await (await ann.note("a")).destroy()
    assert await ann.children.list() == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_an_end_with_sub_agents_that_a_kill_interrupts_is_made_good(tmp_path: Path) -> None:
    kill_when_destroyed("tests.agents_sdk.family", tmp_path)
    before = kept(tmp_path)
    assert (before["agent"], before["timer"], before["files"]) == (3, 2, 2)
    async with app(tmp_path) as inboxes:
        ann = await inboxes.get_agent(Inbox, "ann")
        assert await ann.children.list() == []
    assert kept(tmp_path) == {"agent": 1, "agent_state": 0, "timer": 0, "files": 0}


async def test_an_aborted_one_is_cut_off_and_keeps_what_it_has(
    inboxes: AgentsApp, env: dict[str, Any]
) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    note = await ann.note("a")
    await note.write("x")
    waiting = asyncio.create_task(note.wait())
    await env["waits"].wait()
    assert await ann.children.abort(Note, "a", "it took too long") is True
    with pytest.raises(Aborted, match='Note "a" of Inbox "ann" was aborted: it took too long'):
        await waiting
    assert await ann.children.abort(Note, "never", "x") is False
    with suppress(NotRunning):  # until its life has ended
        while note.state:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    again = await ann.note("a")
    assert again is note  # who holds it has no other one than those who ask for it
    assert (again.state, env["stopped"]) == ({"lines": ["x"]}, [])
    assert again.ctx.id == (await ann.note("a")).ctx.id


async def test_an_abort_reaches_what_is_below_and_nothing_beside(
    inboxes: AgentsApp, env: dict[str, Any]
) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    note, beside = await ann.note("a"), await ann.note("b")
    inner = await note.below("inner")
    tasks = [asyncio.create_task(one.wait()) for one in (note, inner, beside)]
    await env["waits"].wait()
    await asyncio.sleep(0)
    await ann.children.abort(Note, "a")
    for task in tasks[:2]:
        with pytest.raises(Aborted, match=r"was aborted$"):
            await task
    assert not tasks[2].done()
    tasks[2].cancel()


@pytest.mark.parametrize("also_aborted", [False, True])
async def test_a_call_that_is_cancelled_from_elsewhere_stays_cancelled(
    inboxes: AgentsApp, env: dict[str, Any], also_aborted: bool
) -> None:
    ann = await inboxes.get_agent(Inbox, "ann")
    note = await ann.note("a")
    waiting = asyncio.create_task(note.wait())
    await env["waits"].wait()
    if also_aborted:
        await ann.children.abort(Note, "a")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
