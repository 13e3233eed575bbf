"""SEC-31, SEC-32 and SEC-33: what does not get out, and what cannot get in."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, ChatAgent, callable  # noqa: A004
from agents_sdk.security import JsonLines, Principal, Secret, audit, redacted
from tests.agents_sdk.security.calls import call, scope_of, upgrade
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import NonRetryableError, WorkflowEntrypoint, WorkflowEvent, WorkflowFailed, WorkflowStep

pytestmark = pytest.mark.anyio
CANARY = "canary-8f14e45f"
_log = logging.getLogger(__name__)


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What a handler with `JsonLines` writes."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines(secrets=[Secret(CANARY)]))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_sec_31_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>9}",
        f"{secret!r}",
    ):
        assert CANARY not in shown
        assert "***" in shown
    for held in ([secret], {"key": secret}, (secret,)):
        assert CANARY not in repr(held)
    assert (secret, hash(secret)) == (Secret(CANARY), hash(Secret(CANARY)))
    assert secret != Secret("other")
    assert secret != CANARY
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_sec_31_a_secret_cannot_be_stored() -> None:
    for store in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            store(Secret(CANARY))
    with pytest.raises(TypeError, match="not empty"):
        Secret("")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization={}",
        "api_key={}&x=1",
        'api-key: "{}"',
        '{{"password": "{}", "user": "ann"}}',
        "{{'access_token': '{}'}}",
        "Cookie: {}",
        "OPENAI_API_KEY={} make",
        "client_secret = {}",
        "https://h/x?token={}",
        "x-auth-token: {}",
    ],
)
def test_sec_31_what_is_named_like_a_secret_is_masked(text: str) -> None:
    shown = redacted(text.format(CANARY))
    assert CANARY not in shown
    assert "***" in shown


def test_sec_31_other_text_stays() -> None:
    text = 'the tokens: 12 of user=ann, {"author": "bob"}'
    assert redacted("user=ann") == "user=ann"
    assert redacted(f"it said {CANARY}", [Secret(CANARY)]) == "it said ***"
    assert "bob" in redacted(text)
    assert "ann" in redacted(text)


def stored_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


class Vault(Agent[Any, dict[str, Any]]):
    initial_state = {"n": 0}

    async def on_request(self, request: Request) -> Response:
        if request.method == "DELETE":
            await self.destroy()
            return Response()
        raise RuntimeError(f"no luck with {self.env['key']}, password={self.env['key'].reveal()}")

    @callable()
    async def tell(self) -> str:
        raise RuntimeError(f"no luck with {self.env['key']}")

    async def later(self) -> None: ...

    @callable()
    async def cancel(self, id: int) -> bool:
        return await self.cancel_schedule(id)

    @callable()
    async def keep(self) -> None:
        await self.set_state({"key": self.env["key"]})

    @callable()
    async def give(self) -> Any:
        return self.env["key"]


async def test_sec_31_a_run_leaves_no_secret_anywhere(tmp_path: Path, lines: StringIO) -> None:
    app = AgentsApp([Vault], data=tmp_path, env={"key": Secret(CANARY)})
    seen = []
    async with served(app) as address:
        seen.append(str(await call(app, "/agents/vault/a")))
        async with connect(f"ws://{address}/agents/vault/a") as socket:
            for method in ("tell", "keep", "give"):
                await socket.send(json.dumps({"type": "rpc", "id": method, "method": method, "args": []}))
            while len([one for one in seen if '"rpc"' in one]) < 3:
                seen.append(str(await socket.recv()))
    assert all('"success":false' in one for one in seen if '"rpc"' in one)
    stored = stored_in(tmp_path)
    for place in ("".join(seen), lines.getvalue(), stored.decode("latin-1")):
        assert place
        assert CANARY not in place


class Leaky(WorkflowEntrypoint[Any, Any]):
    """Everything that a workflow may do with a secret but reveal it."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> str:
        async def fail() -> None:
            raise RuntimeError(f"no luck with {self.env['key']}")

        _log.warning("the key is %s, and password=%s", self.env["key"], self.env["key"].reveal())
        try:
            await step.do("fails", fail, retries={"limit": 1, "delay": 0.01})
        except RuntimeError as error:
            return f"it said {error}"
        raise AssertionError("the step failed")


class Returns(WorkflowEntrypoint[Any, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        return await step.do("gives it", lambda: self.env["key"])


async def test_sec_31_a_workflow_leaves_no_secret_anywhere(tmp_path: Path, lines: StringIO) -> None:
    seen: list[object] = []
    async with AgentsApp([Vault], [Leaky, Returns], data=tmp_path, env={"key": Secret(CANARY)}) as app:
        vault = await app.get_agent(Vault, "a")
        instance = await vault.workflow(Leaky).create(id="leaky")
        assert await instance.result() == "it said no luck with ***"
        refused = await vault.workflow(Returns).create(id="returns")
        with pytest.raises(WorkflowFailed):
            await refused.result()
        for one in (instance, refused):
            seen += [await one.status(), await one.export(sensitive=True)]
            seen += [event async for event in one.subscribe(cursor=0)]
    for place in (repr(seen), lines.getvalue(), stored_in(tmp_path).decode("latin-1")):
        assert place
        assert CANARY not in place
    assert "the key is ***, and password=***" in lines.getvalue()


async def test_sec_32_a_client_learns_an_id_and_the_log_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with AgentsApp([Vault], data=tmp_path, env={"key": Secret(CANARY)}) as app:
        first, second = [await call(app, "/agents/vault/a") for _ in range(2)]
    assert (first.status, first.body) == (500, b"Internal Server Error")
    assert "no luck" not in str(first)
    assert "Traceback" not in str(first)
    assert first.headers["x-error-class"] == "RuntimeError"
    assert first.headers["x-error-id"] != second.headers["x-error-id"]
    assert f'error {first.headers["x-error-id"]} of a request to Vault "a" is a RuntimeError' in caplog.text
    assert "Traceback" in caplog.text


async def test_sec_32_of_a_hook_that_raises_a_client_learns_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: HTTPConnection, agent: str, name: str) -> None:
        raise LookupError(f"no {CANARY}")

    app = AgentsApp([Vault], data=tmp_path, on_before_connect=broken, on_before_request=broken)
    async with app:
        for answer in (await call(app, "/agents/vault/a"), await upgrade(app, "/agents/vault/a")):
            assert (answer.status, answer.body) == (500, b"Internal Server Error")
            assert answer.headers["x-error-class"] == "LookupError"
            assert f"error {answer.headers['x-error-id']} of the hook before a" in caplog.text
            assert CANARY not in str(answer)
    assert f"LookupError: no {CANARY}" in caplog.text


def test_sec_33_a_record_is_one_line_whatever_is_in_it(lines: StringIO) -> None:
    log = logging.getLogger("tests.injected")
    wild = 'x\n{"level": "CRITICAL"}\r\n\x1b[31m\x00\x85\u2028\u202e"'
    log.warning("%s", wild)
    try:
        raise RuntimeError(wild)
    except RuntimeError:
        log.exception("it failed")
    [plain, failed] = lines.getvalue().splitlines()
    assert json.loads(plain)["message"] == wild
    assert json.loads(plain).keys() == {"at", "level", "logger", "message"}
    assert wild in json.loads(failed)["trace"]
    assert lines.getvalue().isascii()
    assert not set(lines.getvalue()) & {"\r", "\x1b", "\x00"}


async def test_sec_33_who_ends_what_is_in_the_audit_log(tmp_path: Path, lines: StringIO) -> None:
    async def named(request: HTTPConnection, agent: str, name: str) -> Principal | None:
        return Principal(request.headers["who"]) if "who" in request.headers else None

    app = AgentsApp([Vault], data=tmp_path, on_before_connect=named, on_before_request=named)
    async with served(app) as address:
        held = await app.get_agent(Vault, "a")
        ids = [(await held.schedule(60 + number, "later")).id for number in range(2)]
        async with connect(f"ws://{address}/agents/vault/a", additional_headers={"who": "ann"}) as socket:
            for id in (*ids[:1], *ids[:1]):  # the second time there is nothing to cancel
                await socket.send(json.dumps({"type": "rpc", "id": "1", "method": "cancel", "args": [id]}))
            for _ in range(5):
                await socket.recv()
        assert await held.cancel(ids[1])
        assert (await call(app, "/agents/vault/a", method="DELETE")).status == 200
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(one["who"], one["action"], one["subject"]) for one in found if "who" in one] == [
        ("ann", "cancel", f'schedule {ids[0]} of Vault "a"'),
        ("the program", "cancel", f'schedule {ids[1]} of Vault "a"'),
        ("somebody unnamed", "destroy", 'Vault "a"'),
    ]


class Waits(WorkflowEntrypoint[Any, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
        await step.wait_for_event("never", "never")


async def test_sec_33_what_is_done_to_a_workflow_is_in_the_audit_log(tmp_path: Path, lines: StringIO) -> None:
    async with AgentsApp([Vault], [Waits], data=tmp_path) as app:
        workflows = (await app.get_agent(Vault, "a")).workflows
        await workflows.run(Waits, None, id="w")
        await workflows.approve("w")
        await workflows.reject("w")
        await workflows.send_event("w", "other")
        for act in (workflows.pause, workflows.resume, workflows.restart, workflows.terminate):
            await act("w")
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    done = ["approve", "reject", "send", "pause", "resume", "restart", "terminate"]
    assert [(one["who"], one["action"], one["subject"]) for one in found if "who" in one] == [
        ("the program", action, "instance w") for action in done
    ]


class Busy(ChatAgent[Any, None]):
    async def on_chat_message(self, turn: object) -> str:
        return "hi"

    async def never(self) -> None:
        await asyncio.Event().wait()

    async def fails(self) -> None:
        raise NonRetryableError("no")

    async def work(self, ctx: object) -> None:
        await asyncio.Event().wait()

    @callable()
    async def tidy(self) -> None:
        await self.queue("fails", id="broken")
        while not await self.queued.list(dead=True):  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.01)
        assert await self.queued.redrive("broken")
        for id in ("held", "waits", "waits too"):
            await self.queue("never", id=id)
        await self.dequeue("waits")
        await self.dequeue("waits")  # it is gone
        await self.queued.dequeue_all_by_callback("never")
        fiber = await self.start_fiber("f", self.work, id="f")
        assert await self.fibers.cancel(fiber.id)
        await self.fibers.cancel(fiber.id)
        await self.fibers.delete("f")
        await self.fibers.delete("f")
        await self.streams.open("s")
        assert await self.streams.delete("s")
        await self.streams.delete("s")


async def test_sec_33_what_is_taken_from_an_agent_is_told(tmp_path: Path, lines: StringIO) -> None:
    async def named(request: HTTPConnection, agent: str, name: str) -> Principal:
        return Principal("ann")

    app = AgentsApp([Busy], data=tmp_path, on_before_connect=named)
    async with served(app) as address, connect(f"ws://{address}/agents/busy/a") as socket:
        client = Client(socket)
        assert (await client.call("tidy"))["success"]
        await client.send({"type": "cf_agent_chat_clear"})
        assert (await client.call("nothing"))["success"] is False
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    told = [(one["who"], one["action"], one["subject"]) for one in found if "who" in one]
    assert told == [
        ("ann", action, f'{subject} of Busy "a"')
        for action, subject in [
            ("redrive", "item broken"),
            ("dequeue", "item waits"),
            ("dequeue", "2 items"),
            ("cancel", "fiber f"),
            ("delete", "fiber f"),
            ("delete", "stream s"),
            ("clear", "the chat"),
        ]
    ]


async def test_sec_33_who_calls_through_another_agent_is_in_the_audit_log(
    tmp_path: Path, lines: StringIO
) -> None:
    class Desk(Agent[Any, None]):
        @callable()
        async def cancel_at(self, id: int) -> bool:
            return await (await self.get_agent(Vault, "a")).cancel(id)

    async def named(request: HTTPConnection, agent: str, name: str) -> Principal:
        return Principal("ann")

    app = AgentsApp([Desk, Vault], data=tmp_path, on_before_connect=named)
    async with served(app) as address, connect(f"ws://{address}/agents/desk/b") as socket:
        id = (await (await app.get_agent(Vault, "a")).schedule(60, "later")).id
        assert (await Client(socket).call("cancel_at", id))["result"]
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [one["who"] for one in found if "who" in one] == ["ann"]


def test_sec_33_the_audit_log_says_who_did_what(lines: StringIO) -> None:
    scope = {**scope_of("http", "/"), "agents_sdk.principal": Principal("ann\n")}
    audit(HTTPConnection(scope), "terminate", "Report 7")
    audit(HTTPConnection(scope_of("http", "/")), "delete", "x")
    audit(None, "retry", "y")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(one["who"], one["action"], one["subject"]) for one in told] == [
        ("ann\n", "terminate", "Report 7"),
        ("somebody unnamed", "delete", "x"),
        ("the program", "retry", "y"),
    ]
    assert {one["logger"] for one in told} == {"agents_sdk.audit"}
    assert all(one["at"] for one in told)
