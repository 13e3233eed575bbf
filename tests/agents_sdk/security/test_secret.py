"""SEC-31, SEC-32 and SEC-33: what does not get out, and what cannot get in."""

from __future__ import annotations

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

from agents_sdk import Agent, AgentsApp, callable  # noqa: A004
from agents_sdk.security import JsonLines, Principal, Secret, audit, redacted
from tests.agents_sdk.security.calls import call, scope_of
from tests.agents_sdk.served import served
from workflows import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio
CANARY = "canary-8f14e45f"


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


async def test_sec_32_a_client_learns_an_id_and_the_log_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with AgentsApp([Vault], data=tmp_path, env={"key": Secret(CANARY)}) as app:
        first, second = [await call(app, "/agents/vault/a") for _ in range(2)]
    assert (first.status, first.body) == (500, b"Internal Server Error")
    assert "no luck" not in str(first)
    assert "Traceback" not in str(first)
    assert first.headers["x-error-id"] != second.headers["x-error-id"]
    assert f'error {first.headers["x-error-id"]} of a request to Vault "a" is a RuntimeError' in caplog.text
    assert "Traceback" in caplog.text


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
