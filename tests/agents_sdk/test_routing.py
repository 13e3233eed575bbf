"""URLs to agents."""

from __future__ import annotations

import pytest

from agents_sdk.routing import Route, kebab, route


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("ChatAgent", "chat-agent"),
        ("MY_UPPER", "my-upper"),
        ("AIChat", "a-i-chat"),
        ("SomeAGENT", "some-a-g-e-n-t"),
        ("Flight_Agent", "flight--agent"),
        ("agent_", "agent"),
    ],
)
def test_names_are_spelled_as_the_clients_spell_them(name: str, spelled: str) -> None:
    assert kebab(name) == spelled


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"/agents/counter/a", Route("counter", "a", ())),
        (b"/agents//counter/a/b/c", Route("counter", "a", ("b", "c"))),
        (b"/agents/counter/user%20x?y=1", Route("counter", "user%20x", ())),
        (b"/agents/counter/a%2Fb", Route("counter", "a%2Fb", ())),
        (b"/agents/counter", None),
        (b"/agents/counter/", None),
        (b"/other/counter/a", None),
    ],
)
def test_the_raw_segments_are_read(raw: bytes, found: Route | None) -> None:
    assert route({"raw_path": raw, "path": "unused"}) == found


@pytest.mark.parametrize("raw", [b"/agents/counter/\xff", b"/agents/\xc3/a"])
def test_a_path_that_is_not_utf_8_is_nobody_s(raw: bytes) -> None:
    assert route({"raw_path": raw, "path": "unused"}) is None


@pytest.mark.parametrize("raw", [{}, {"raw_path": None}, {"raw_path": b""}])
def test_a_server_without_raw_paths_has_the_path_quoted(raw: dict[str, bytes | None]) -> None:
    assert route({"path": "/agents/counter/user x", **raw}) == Route("counter", "user%20x", ())


def test_a_mounted_app_reads_below_its_mount() -> None:
    scope = {"raw_path": b"/api/v1/agents/counter/a", "root_path": "/api/v1"}
    assert route(scope) == Route("counter", "a", ())
