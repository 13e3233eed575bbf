"""Which model is asked where: bad settings give one clear line."""

from __future__ import annotations

import pytest

from integrations.llm import LLM, ModelNotConfigured, ModelUnreachable, Request, RequestRejected
from integrations.llm.testing import ScriptedModel

URL = "http://127.0.0.1:1/v1"


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    monkeypatch.setenv("OPENAI_MODEL", "other")
    assert repr(LLM("m", base_url=URL + "/")) == f"LLM('m', base_url='{URL}')"
    assert repr(LLM()) == "LLM('other', base_url='http://elsewhere/v1')"


def test_a_key_alone_means_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert LLM("m").base_url == "https://api.openai.com/v1"


def test_openai_is_asked_over_responses_and_every_other_server_over_chat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert LLM("m", base_url=URL).wire == "chat"
    assert LLM("m", base_url=URL, wire="responses").wire == "responses"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert LLM("m").wire == "responses"
    assert LLM("m", wire="chat").wire == "chat"
    assert LLM("m", base_url="https://api.openai.com.evil.example/v1").wire == "chat"


def test_a_wire_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="""there is no wire 'grpc': use "chat" or "responses\""""):
        LLM("m", base_url=URL, wire="grpc")  # type: ignore[arg-type]  # what it is about


def test_background_needs_responses() -> None:
    with pytest.raises(ValueError, match='background=True needs wire="responses"; with http'):
        LLM("m", base_url=URL, background=True)


def test_nothing_is_set() -> None:
    with pytest.raises(ModelNotConfigured, match="set OPENAI_API_KEY, or OPENAI_BASE_URL for a server"):
        LLM("m")


def test_no_model_is_named() -> None:
    with pytest.raises(ModelNotConfigured, match="set OPENAI_MODEL"):
        LLM(base_url=URL)


def test_a_url_without_a_scheme() -> None:
    with pytest.raises(ModelNotConfigured, match="OPENAI_BASE_URL 'localhost:8080' is not a URL"):
        LLM("m", base_url="localhost:8080")


def test_a_password_in_the_url_is_not_shown() -> None:
    llm = LLM("m", base_url="http://ann:secret@host/v1")
    assert repr(llm) == "LLM('m', base_url='http://host/v1')"


@pytest.mark.anyio
async def test_the_key_reaches_the_server() -> None:
    async with ScriptedModel(["x"]) as model, LLM("m", base_url=model.url, api_key="sk-1") as llm:
        await llm.attempt(Request(model="m", messages=({"role": "user", "content": "?"},)))
    assert model.asked[0].headers["authorization"] == "Bearer sk-1"


@pytest.mark.anyio
async def test_check_finds_a_server() -> None:
    async with ScriptedModel() as model, LLM("m", base_url=model.url) as llm:
        await llm.check()
    assert model.asked == []


@pytest.mark.anyio
async def test_check_finds_nothing() -> None:
    async with LLM("m", base_url=URL) as llm:
        with pytest.raises(
            ModelUnreachable, match=rf"m at {URL} cannot be reached .*; check OPENAI_BASE_URL"
        ):
            await llm.check()


@pytest.mark.anyio
async def test_check_finds_a_key_that_is_refused() -> None:
    async with ScriptedModel(api_key="right") as model, LLM("m", base_url=model.url) as llm:
        with pytest.raises(RequestRejected, match="wrong key; check OPENAI_API_KEY"):
            await llm.check()
