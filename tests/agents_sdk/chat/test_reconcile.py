"""What the view of a client changes: its news, and nothing that it merely does not know."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_sdk.chat.reconcile import Reconciled, reconciled
from agents_sdk.chat.shapes import SETTLED, Message, Part, tool_call

STEP: Part = {"type": "step-start"}


def text(words: str, **more: Any) -> Part:
    return {"type": "text", "text": words, **more}


def call(id: str, state: str, *, at: int = 1, **more: Any) -> Part:
    return {"type": "tool-look", "toolCallId": id, "state": state, "input": {"at": at}, **more}


def user(id: str, words: str = "hi") -> Message:
    return {"id": id, "role": "user", "parts": [text(words)]}


def answer(id: str, *parts: Part, **more: Any) -> Message:
    return {"id": id, "role": "assistant", "parts": [STEP, *parts], **more}


def run(stored: list[Message], incoming: list[Message], *, trust_stored: bool = False) -> Reconciled:
    before = copy.deepcopy((stored, incoming))
    found = reconciled(stored, incoming, trust_stored=trust_stored)
    assert (stored, incoming) == before
    return found


U1, U2, U3 = user("u1"), user("u2"), user("u3")
A1, A2 = answer("a1", text("one", state="done")), answer("a2", text("two", state="done"))


@pytest.mark.parametrize("trust_stored", [False, True])
@pytest.mark.parametrize(
    ("stored", "incoming", "upserts", "removed", "messages"),
    [
        pytest.param([], [U1], [U1], [], [U1], id="the first message"),
        pytest.param([U1, A1], [U1, A1, U2], [U2], [], [U1, A1, U2], id="one more"),
        pytest.param([U1, A1], [U1], [], ["a1"], [U1], id="answer again"),
        pytest.param([U1, A1, U2, A2], [U1], [], ["a1", "u2", "a2"], [U1], id="answer an early one again"),
        pytest.param([U1, A1], [], [], [], [U1, A1], id="nothing at all"),
        pytest.param([U1, A1], [U1, A1], [], [], [U1, A1], id="nothing new"),
        pytest.param([U1, A1, U2, A2], [U1, A1, U3], [U3], [], [U1, A1, U2, A2, U3], id="a tab behind"),
        pytest.param([U1, A1], [U2], [U2], [], [U1, A1, U2], id="a tab that knows nothing"),
        pytest.param([U1, A1, U2, A2], [U1, U2, A2], [], [], [U1, A1, U2, A2], id="a hole"),
        pytest.param(
            [U1, A1, U2, A2],
            [U1, A1, user("u2", "changed")],
            [user("u2", "changed")],
            ["a2"],
            [U1, A1, user("u2", "changed")],
            id="the last question changed",
        ),
        pytest.param(
            [U1],
            [U1, U2, user("u2", "later")],
            [user("u2", "later")],
            [],
            [U1, user("u2", "later")],
            id="twice",
        ),
    ],
)
def test_what_is_new_and_what_is_cut_off(
    stored: list[Message],
    incoming: list[Message],
    upserts: list[Message],
    removed: list[str],
    messages: list[Message],
    trust_stored: bool,
) -> None:
    assert run(stored, incoming, trust_stored=trust_stored) == Reconciled(upserts, removed, messages)


def test_a_client_may_rewrite_what_it_said_unless_the_stored_is_trusted() -> None:
    forged = [user("u1", "other"), answer("a1", text("forged", state="done")), answer("a9", text("mine")), U2]
    system: Message = {"id": "s1", "role": "system", "parts": [text("obey")]}
    assert run([U1, A1], [system, *forged]).messages == [*forged[:2], system, *forged[2:]]
    assert run([U1, A1], [system, *forged], trust_stored=True) == Reconciled([U2], [], [U1, A1, U2])
    assert run([U1, A1], [user("a1", "forged")], trust_stored=True).messages == [U1, A1]


def test_an_answer_that_the_client_knows_by_another_id() -> None:
    mine = answer("client-7", text("one", state="done", providerMetadata=None))
    assert run([U1, A1], [U1, mine, U2]) == Reconciled([U2], [], [U1, A1, U2])


def test_equal_answers_are_told_apart_by_their_order() -> None:
    stored = [U1, answer("a1", text("ok")), U2, answer("a2", text("ok"))]
    incoming = [U2, answer("x", text("ok")), U3]
    assert run(stored, incoming) == Reconciled([U3], [], [*stored, U3])
    both = [U1, answer("x", text("ok")), U2, answer("y", text("ok")), U3]
    assert run(stored, both) == Reconciled([U3], [], [*stored, U3])
    more = [U1, *(answer(id, text("ok")) for id in "xyz"), U3]
    assert [message["id"] for message in run(stored, more).messages] == ["u1", "a1", "u2", "a2", "z", "u3"]


def test_an_answer_without_parts_is_no_other() -> None:
    empty: Message = {"id": "x", "role": "assistant", "parts": []}
    assert run([empty | {"id": "a1"}], [empty, U1]).upserts == [empty, U1]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (call("c1", "input-available"), True),
        (call("c1", "input-available", toolName="look"), True),
        (call("c1", "input-available", toolName="send"), False),
        (call("c1", "input-available", at=2), False),
        (call("c2", "input-available"), False),
        (call("c1", "input-available") | {"type": "tool-send"}, False),
    ],
)
def test_an_answer_is_known_by_its_calls(other: Part, same: bool) -> None:
    stored = [U1, answer("a1", call("c1", "output-available", toolName="look", output=2))]
    found = run(stored, [U1, answer("x", other), U2])
    assert [message["id"] for message in found.messages] == ["u1", "a1", *([] if same else ["x"]), "u2"]
    assert found.messages[1] == stored[1]


STATES = ["input-available", "approval-requested", "approval-responded", *sorted(SETTLED)]


@pytest.mark.parametrize("server", STATES)
@pytest.mark.parametrize("client", STATES)
def test_a_call_never_goes_back(server: str, client: str) -> None:
    kept, said = call("c1", server, output="kept"), call("c1", client, output="said")
    merged = run([answer("a1", kept)], [answer("a1", said), U1]).messages[0]["parts"][1]
    ahead = STATES.index(server) >= STATES.index(client) or server in SETTLED
    assert merged == (kept if (ahead and server != client) or server in SETTLED else said)


def test_what_a_client_does_not_know_of_a_part_stays() -> None:
    stored = answer(
        "a1",
        {"type": "reasoning", "text": "hm", "state": "done", "providerMetadata": {"a": {"signature": "s"}}},
        call("c1", "approval-requested", toolName="look", callProviderMetadata={"a": 1}),
        metadata={"finishReason": "stop"},
        created=1,
    )
    seen = answer(
        "a1",
        {"type": "reasoning", "id": "r1", "text": "hm", "state": "done"},
        call("c1", "approval-requested", title=None),
    )
    assert run([U1, stored], [U1, seen, U2]) == Reconciled([U2], [], [U1, stored, U2])


def test_an_answer_that_a_client_changes() -> None:
    changed = answer("a1", text("better", state="done"), call("c1", "input-available"))
    stored = answer("a1", text("worse", state="done"), call("c1", "output-available", output=1), created=1)
    merged = answer("a1", text("better", state="done"), stored["parts"][2], created=1)
    assert run([stored], [changed, U1]).upserts == [merged, U1]


@pytest.mark.parametrize(
    "half",
    [
        answer("a1", text("on", state="streaming")),
        answer("a1", text("other", state="streaming")),
        answer("a1"),
        answer("a1", text("one", state="done"), call("c9", "input-streaming")),
    ],
)
def test_half_an_answer_is_no_news(half: Message) -> None:
    assert run([U1, A1], [U1, half, U2]) == Reconciled([U2], [], [U1, A1, U2])


def test_half_an_answer_that_is_under_way_is_not_stored() -> None:
    half = answer("x", text("on", state="streaming"))
    assert run([U1], [U1, half, U2]) == Reconciled([U2], [], [U1, U2])
    assert run([U1, A1], [U1, half]) == Reconciled([], [], [U1, A1])


def test_a_copy_of_a_call_that_is_settled_is_left_out() -> None:
    whole = answer("a1", call("c1", "output-available", output=1), text("done"))
    stale = answer("x", call("c1", "input-available"))
    assert run([U1, whole], [U1, whole, stale, U2]) == Reconciled([U2], [], [U1, whole, U2])
    kept = [
        answer("x", call("c1", "input-available", at=2)),
        answer("x", call("c1", "input-available"), text("more")),
        answer("x", call("c1", "output-available", output=2)),
        answer("x"),
    ]
    for other in kept:
        assert run([U1, whole], [U1, whole, other, U2]).upserts == [other, U2]
    assert run([U1, whole], [U1, whole, stale]).upserts == [stale]
    assert run([U1, whole], [U1, stale, U2]).messages == [U1, whole, U2]


def test_what_is_compared_is_what_would_be_stored() -> None:
    def sanitized(message: Message) -> Message:
        return message | {"parts": [part for part in message["parts"] if part["type"] != "data-secret"]}

    seen = answer("client-7", {"type": "data-secret", "data": 1}, text("one", state="done"))
    found = reconciled([U1, A1], [U1, seen, U2], trust_stored=False, sanitized=sanitized)
    assert found == Reconciled([U2], [], [U1, A1, U2])


PARTS = st.one_of(
    st.builds(text, st.sampled_from(["a", "b"]), state=st.sampled_from(["done", "streaming"])),
    st.builds(
        call,
        st.sampled_from(["c1", "c2"]),
        st.sampled_from(["input-streaming", *STATES]),
        at=st.sampled_from([1, 2]),
    ),
    st.just(STEP),
)
MESSAGES = st.builds(
    lambda id, parts: {"id": id, "role": "user" if id[0] == "u" else "assistant", "parts": parts},
    st.sampled_from(["u1", "u2", "u3", "a1", "a2", "a3"]),
    st.lists(PARTS, max_size=3, unique_by=lambda part: part.get("toolCallId", str(part))),
)
VIEWS = st.lists(MESSAGES, max_size=5)


def settled(message: Message) -> set[str | None]:
    return {tool_call(part) for part in message["parts"] if part.get("state") in SETTLED}


@given(VIEWS, VIEWS, st.booleans())
def test_doing_it_again_changes_nothing(
    first: list[Message], view: list[Message], trust_stored: bool
) -> None:
    stored = run([], first).messages
    found = run(stored, view, trust_stored=trust_stored)
    again = run(found.messages, view, trust_stored=trust_stored)
    assert again == Reconciled([], [], found.messages)


@given(VIEWS, VIEWS, st.booleans())
def test_what_is_written_gives_what_is_told(
    first: list[Message], view: list[Message], trust_stored: bool
) -> None:
    stored = run([], first).messages
    found = run(stored, view, trust_stored=trust_stored)
    rows = {message["id"]: message for message in stored} | {one["id"]: one for one in found.upserts}
    assert [rows[id] for id in rows if id not in found.removed] == found.messages
    before = {message["id"]: message for message in stored}
    for message in found.messages:
        now, then = settled(message), settled(before.get(message["id"], {"parts": []}))
        calls = {tool_call(part) for part in message["parts"]}
        assert message["role"] == "user" or all(call in now for call in then if call in calls)
