"""`run_workflow`, and what an agent knows of the workflows that it has started."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import (
    AgentsApp,
    AlreadyTracked,
    InvalidCriteria,
    InvalidMetadata,
    NotTracked,
    TrackedWorkflow,
)
from agents_sdk.workflow import workflows as part
from tests.agents_sdk.workflow.desk import Desk, Plain, Talk, desk, opened, settled
from workflows import (
    Engine,
    InstanceExists,
    InvalidParams,
    UnknownWorkflow,
    WorkflowEntrypoint,
    WorkflowError,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio
DAY = 86_400.0


def ids(found: Any) -> list[str]:
    return [one.id for one in found.workflows]


async def rows(engine: Engine) -> list[str]:
    return [id for (id,) in await engine.store.read("SELECT instance FROM agent_workflow ORDER BY id")]


async def test_it_starts_an_instance_and_shows_how_it_is(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock=clock) as (app, engine):
        agent = await desk(app)
        started = datetime.fromtimestamp(clock.now(), UTC)
        id = await agent.run_workflow("TALK", [["sleep", 10], ["return", 7]], metadata={"user": "u"})
        assert re.fullmatch(r"wf_[\w-]{22}", id)
        await settled(engine)
        running = await agent.workflows.get(id)
        assert running == TrackedWorkflow(id, "TALK", "waiting", {"user": "u"}, None, started, None)
        await clock.sleep(10)
        assert (await agent.workflows.status(id)).output == 7
        ended = await agent.workflows.get(id)
        assert ended is not None
        assert (ended.status, ended.finished_at) == ("complete", started + timedelta(seconds=10))
        assert await (await desk(app, "bob")).workflows.get(id) is None


@pytest.mark.parametrize("place", ["file", ":memory:"])
async def test_an_id_is_used_once(tmp_path: Path, place: Any) -> None:
    async with opened(tmp_path if place == "file" else place) as (app, engine):
        agent, other = await desk(app), await desk(app, "bob")
        assert await agent.run_workflow(Plain, 1, id="a") == "a"
        refused = pytest.raises(AlreadyTracked, match=r'^Workflow with ID "a" is already being tracked$')
        with refused:
            await agent.run_workflow(Plain, 1, id="a")
        with refused:
            await agent.run_workflow(Talk, [], id="a")
        with refused:
            await agent.run_workflow(Talk, [], id="a", exist_ok=True)
        assert await agent.run_workflow("PLAIN", 2, id="a", exist_ok=True) == "a"
        with pytest.raises(InstanceExists):
            await other.run_workflow(Plain, 1, id="a")
        assert await other.run_workflow(Talk, [], id="a") == "a"
        with refused:  # the Talk of that id is somebody else's
            await agent.run_workflow(Talk, [], id="a", exist_ok=True)
        assert (await rows(engine), len((await engine.workflow(Talk).list()).instances)) == (["a", "a"], 1)
        assert (await agent.workflows.list()).total == (await other.workflows.list()).total == 1


async def test_what_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    class Strict(WorkflowEntrypoint[None, int]):
        async def run(self, event: Any, step: Any) -> None: ...

    async with opened(tmp_path, Strict) as (app, engine):
        agent = await desk(app)
        with pytest.raises(UnknownWorkflow, match=r"^Workflow binding 'X' not found in environment$"):
            await agent.run_workflow("X")
        with pytest.raises(InvalidMetadata):
            await agent.run_workflow("PLAIN", metadata={"a": object()})
        with pytest.raises(InvalidParams):
            await agent.run_workflow(Strict, {})
        assert await rows(engine) == []


async def test_verbs_need_an_id_that_the_agent_has_started(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await engine.workflow(Plain).create(id="x", params=1)
        for verb in ("status", "approve", "reject", "pause", "resume", "terminate", "restart"):
            with pytest.raises(NotTracked, match=r"^Workflow x not found in tracking table$"):
                await getattr(agent.workflows, verb)("x")
        with pytest.raises(NotTracked):
            await agent.workflows.send_event("x", "e")
        assert (await agent.workflows.get("x"), await agent.workflows.delete("x")) == (None, False)


async def test_commands_are_seen_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Plain, 1, id="a")

        async def status() -> str:
            found = await agent.workflows.get("a")
            assert found is not None
            assert ids(await agent.workflows.list(status=found.status)) == ["a"]
            return found.status

        await agent.workflows.pause("a")
        await settled(engine)
        assert await status() == "paused"
        await agent.workflows.resume("a")
        await settled(engine)
        assert await status() == "waiting"
        await engine.workflow(Plain).get("a").terminate()  # whoever does it
        assert await status() == "terminated"
        await agent.workflows.restart("a")
        await settled(engine)
        assert await status() == "waiting"
        await agent.workflows.terminate("a")
        assert await status() == "terminated"


async def test_a_restart_counts_as_a_start_if_wanted(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        for id in "abc":
            await agent.run_workflow(Plain, 1, id=id, metadata={"id": id})
        before = await agent.workflows.get("a")
        await engine.clock.sleep(20)
        await agent.workflows.restart("a", reset_tracking=False)
        assert ids(await agent.workflows.list(order="asc")) == ["a", "b", "c"]
        again = await agent.workflows.get("a")
        assert before is not None
        assert again is not None
        assert (again.created_at, again.finished_at) == (before.created_at, None)
        await agent.workflows.restart("a")
        [*_, last] = (await agent.workflows.list(order="asc")).workflows
        assert (last.id, last.metadata, last.created_at - before.created_at) == (
            "a",
            {"id": "a"},
            timedelta(seconds=20),
        )


async def test_lists_are_filtered_and_come_in_pages(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        for number in range(5):
            metadata = {"n": number, "even": number % 2 == 0, "deep": {"n": number}}
            await agent.run_workflow(Talk, [["return", number]], id=f"t{number}", metadata=metadata)
            await agent.run_workflow("PLAIN", number, id=f"p{number}")
        await settled(engine)
        flows = agent.workflows
        assert (await flows.list(status=["complete", "waiting"])).total == 10
        assert ids(await flows.list(status="complete", order="asc")) == [f"t{n}" for n in range(5)]
        assert ids(await flows.list(workflow=Plain)) == [f"p{n}" for n in (4, 3, 2, 1, 0)]
        assert ids(await flows.list(workflow="Plain")) == ids(await flows.list(workflow="PLAIN"))
        assert ids(await flows.list(metadata={"even": True, "n": 2})) == ["t2"]
        assert ids(await flows.list(metadata={"deep": {"n": 3}})) == ["t3"]
        assert (await flows.list(metadata={"even": 1})).total == 0
        assert (await flows.list(metadata={"x": None})).total == 0


async def test_pages_are_not_disturbed_by_what_comes_and_goes(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _):
        agent = await desk(app)
        for number in range(10):
            await agent.run_workflow(Plain, 1, id=str(number))
        for order, new in (("asc", ["new"]), ("desc", [])):
            before = ids(await agent.workflows.list(order=order))  # type: ignore[arg-type]
            first = await agent.workflows.list(order=order, limit=3)  # type: ignore[arg-type]
            assert (first.total, ids(first)) == (len(before), before[:3])
            await agent.workflows.delete(before[2])
            await agent.run_workflow("PLAIN", 9, id="new" if new else "newer")
            seen, cursor = ids(first), first.next_cursor
            while cursor is not None:
                page = await agent.workflows.list(order=order, limit=3, cursor=cursor)  # type: ignore[arg-type]
                seen, cursor = seen + ids(page), page.next_cursor
            assert seen == before + new


@pytest.mark.parametrize("cursor", ["", "x", "eyJjIjoxfQ==", "bnVsbA==", "eyJpIjoidCJ9", "é"])
async def test_a_bad_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    async with opened(tmp_path) as (app, _):
        with pytest.raises(
            InvalidCriteria, match=r"^Invalid pagination cursor\. The cursor may be malformed or corrupted\.$"
        ):
            await (await desk(app)).workflows.list(cursor=cursor)


@pytest.mark.parametrize(
    "criteria", [{"limit": 0}, {"limit": True}, {"order": "up"}, {"status": "done"}, {"status": ["x"]}]
)
async def test_wrong_criteria_are_refused(tmp_path: Path, criteria: Any) -> None:
    async with opened(tmp_path) as (app, _):
        with pytest.raises(InvalidCriteria):
            await (await desk(app)).workflows.list(**criteria)


async def test_a_page_has_a_hundred_at_most(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _):
        agent = await desk(app)
        for number in range(102):
            await agent.run_workflow(Talk, [], id=str(number))
        page = await agent.workflows.list(limit=1_000)
        assert (len(page.workflows), page.total) == (100, 102)
        rest = await agent.workflows.list(limit=1_000, cursor=page.next_cursor)
        assert (ids(rest), rest.next_cursor) == (["1", "0"], None)


async def test_what_is_deleted_is_not_seen_and_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        for id in "abc":
            await agent.run_workflow(Talk, [["sleep", 10], ["return", id]], id=id)
        await settled(engine)
        assert await agent.workflows.delete("a")
        assert not await agent.workflows.delete("a")
        assert ids(await agent.workflows.list()) == ["c", "b"]
        with pytest.raises(NotTracked):
            await agent.workflows.status("a")
        with pytest.raises(InstanceExists):
            await agent.run_workflow(Talk, [], id="a")
        await engine.clock.sleep(10)
        assert sorted(agent.heard) == [("complete", "Talk", id, id) for id in "abc"]
        assert await rows(engine) == ["b", "c"]
        assert await agent.workflows.delete("b")
        assert await rows(engine) == ["c"]


async def test_many_are_deleted_by_criteria(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        for number in range(4):
            await agent.run_workflow(Talk, [], id=str(number), metadata={"n": number})
            await engine.clock.sleep(10)
        await agent.run_workflow(Plain, 1, id="p")
        await settled(engine)
        before = datetime.fromtimestamp(engine.clock.now() - 25, UTC)
        with pytest.raises(InvalidCriteria, match="time zone"):
            await agent.workflows.delete_many(created_before=before.replace(tzinfo=None))
        assert await agent.workflows.delete_many(status="complete", created_before=before) == 2
        assert await agent.workflows.delete_many(workflow=Talk, metadata={"n": 2}) == 1
        assert ids(await agent.workflows.list()) == ["p", "3"]
        assert await agent.workflows.delete_many() == 2
        assert (await agent.workflows.list()).total == 0


async def test_what_the_engine_has_forgotten_is_not_listed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Talk, [], id="a", retention={"success_retention": "1 hour"})
        await agent.run_workflow(Talk, [], id="b")
        await settled(engine)
        await engine.clock.sleep(2 * 3_600)
        assert (ids(await agent.workflows.list()), await rows(engine)) == (["b"], ["b"])
        await engine.workflow(Talk).get("b").delete()
        assert await agent.workflows.get("b") is None
        await agent.run_workflow(Plain, 1, id="b")
        assert ids(await agent.workflows.list(workflow=Plain)) == ["b"]
        await agent.run_workflow(Talk, [], id="c")
        await settled(engine)
        await engine.workflow(Talk).get("c").delete()
        await agent.run_workflow(Plain, 1, id="c")  # nobody has looked meanwhile
        assert ids(await agent.workflows.list(workflow=Plain)) == ["c", "b"]


async def test_an_agent_hears_also_of_what_is_kept_no_moment(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.refuse(1)
        await agent.run_workflow(Talk, [["return", 1]], id="a", retention={"success_retention": 1})
        await engine.clock.sleep(1.5)
        assert (agent.heard, (await agent.workflows.list()).total) == ([], 0)
        await engine.clock.sleep(10)
        assert agent.heard == [("complete", "Talk", "a", 1)]


async def test_workflows_of_a_class_that_is_gone_are_still_listed(tmp_path: Path) -> None:
    class Old(Plain): ...

    clock = VirtualClock()
    async with opened(tmp_path, Old, clock=clock) as (app, _):
        await (await desk(app)).run_workflow(Old, 1, id="a")
    async with opened(tmp_path, clock=clock) as (app, _):
        agent = await desk(app)
        assert ids(await agent.workflows.list(workflow="Old")) == ["a"]
        with pytest.raises(UnknownWorkflow):
            await agent.workflows.terminate("a")
        assert await agent.workflows.delete_many(workflow="Old") == 1


async def test_with_its_agent_what_it_knew_is_gone(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Plain, 1, id="a")
        await agent.destroy()
        del agent
        await engine.clock.sleep(20)
        assert await rows(engine) == []
        assert (await (await desk(app)).workflows.list()).total == 0
        assert (await engine.workflow(Plain).get("a").status()).status == "complete"


async def test_agents_of_one_name_and_two_classes_are_two(tmp_path: Path) -> None:
    class Other(Desk): ...

    async with (
        Engine(tmp_path / "e.db", [Talk], clock=VirtualClock()) as engine,
        AgentsApp([Desk, Other], engine=engine) as app,
    ):
        other = await app.get_agent(Other, "ann")
        await other.run_workflow(Talk, [["return", 1]], id="a")
        await settled(engine)
        assert ((await desk(app)).heard, other.heard) == ([], [("complete", "Talk", "a", 1)])


async def test_what_is_gone_is_forgotten_also_by_who_never_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        for id, flow in (("a", Talk), ("b", Plain)):
            await agent.run_workflow(flow, [], id=id, retention={"success_retention": "1 hour"})
        await engine.clock.sleep(2 * 3_600)
        await agent.run_workflow(Plain, 1, id="c")
        assert "c" in await rows(engine)
        monkeypatch.setattr(part, "_SWEEPS", 1.0)
        await agent.run_workflow(Plain, 1, id="d")
        assert await rows(engine) == ["c", "d"]


async def test_an_engine_may_be_closed_before_its_app(tmp_path: Path) -> None:
    engine = await Engine(tmp_path / "e.db", [Talk]).open()
    app = AgentsApp([Desk], engine=engine)
    await app.start()
    await engine.close()
    await app.stop()


async def test_a_second_app_on_an_engine_takes_nothing_from_the_first(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        with pytest.raises(WorkflowError):
            await AgentsApp([Desk], engine=engine).start()
        agent = await desk(app)
        await agent.run_workflow(Talk, [["call", "double", 2]], id="a")
        assert await engine.workflow(Talk).get("a").result() == 4
