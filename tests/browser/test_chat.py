"""The page of the example, built with the official hooks: it streams, and survives a reload and a kill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.started import Backend, built, opened, served_page
from tests.npm.suite import Unavailable

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

_PATIENCE = 20_000  # milliseconds
LONG = "Please count with me: " + " ".join(map(str, range(1, 121)))
ANSWER = f"There is no model here, so I only repeat: {LONG}"


class Chat:
    """The page, as who uses it sees it."""

    def __init__(self, page: Page, url: str, backend: Backend) -> None:
        self.page = page
        self.url = url
        self.backend = backend
        expect.set_options(timeout=_PATIENCE)

    @property
    def answers(self) -> Locator:
        return self.page.locator("li.assistant")

    async def open(self) -> None:
        await self.page.goto(self.url)
        await self.connected()

    async def connected(self) -> None:
        await expect(self.page.get_by_text("connected", exact=True)).to_be_visible()

    async def say(self, text: str) -> None:
        await self.page.get_by_label("Message", exact=True).fill(text)
        await self.page.get_by_role("button", name="Send").click()

    async def idle(self) -> None:
        await expect(self.page.get_by_label("Messages")).to_have_attribute("aria-busy", "false")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The page, as Vite makes it."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(built())
        except Unavailable as reason:
            pytest.skip(f"the page cannot be built here: {reason}")
        yield folder


@pytest.fixture
async def chat(tmp_path: Path, folder: Path) -> AsyncIterator[Chat]:
    async with AsyncExitStack() as stack:
        try:
            page = await stack.enter_async_context(opened())
        except Unavailable as reason:
            pytest.skip(f"the page cannot be opened here: {reason}")
        backend = Backend(tmp_path)
        stack.push_async_callback(backend.kill)
        await backend.start()
        url = await stack.enter_async_context(served_page(folder, backend))
        yield Chat(page, url, backend)


async def test_an_answer_survives_a_reload_and_a_kill_of_the_server(chat: Chat, tmp_path: Path) -> None:
    await chat.open()
    await chat.say("hello")
    await expect(chat.answers).to_have_text(["There is no model here, so I only repeat: hello"])
    await chat.idle()

    await chat.say(LONG)
    await expect(chat.answers.nth(1)).to_contain_text(" 10 11")
    await expect(chat.answers.nth(1)).not_to_contain_text(" 120")
    await chat.page.reload()
    await chat.connected()
    await expect(chat.answers.nth(1)).to_have_text(ANSWER)
    await chat.idle()

    await chat.say(LONG)
    await expect(chat.answers.nth(2)).to_contain_text(" 10 11")
    await chat.page.screenshot(path=tmp_path / "chat.png")
    await chat.backend.kill()
    await expect(chat.page.get_by_text("connecting …")).to_be_visible()
    await chat.backend.start()
    await expect(chat.answers.nth(2)).to_have_text(ANSWER)
    await chat.idle()
    await expect(chat.page.locator("li.user")).to_have_count(3)
    await expect(chat.page.locator("li.error")).to_have_count(0)


async def test_a_second_tab_sees_the_same_and_a_clear_empties_both(chat: Chat) -> None:
    await chat.open()
    other = Chat(await chat.page.context.new_page(), chat.url, chat.backend)
    await other.open()
    await chat.say(LONG)
    await expect(other.answers).to_contain_text([" 5 6"])
    await expect(other.answers).to_have_text([ANSWER])
    await chat.idle()
    await other.page.get_by_role("button", name="Clear").click()
    await expect(chat.answers).to_have_count(0)
    await chat.page.reload()
    await chat.connected()
    await expect(chat.page.locator("li.user")).to_have_count(0)


async def test_stop_keeps_what_was_said(chat: Chat) -> None:
    await chat.open()
    await chat.say(LONG)
    await expect(chat.answers).to_contain_text([" 5 6"])
    await chat.page.get_by_role("button", name="Stop").click()
    await chat.idle()
    await chat.page.reload()
    await chat.connected()
    await expect(chat.answers).to_contain_text([" 5 6"])
    await expect(chat.answers).not_to_contain_text([" 120"])
