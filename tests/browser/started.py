"""The two programs of the example: the page, built and served, and the agents, which a test may kill."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright

from tests.npm.suite import ROOT, Unavailable, beside, installed, node

__all__ = ["Backend", "built", "opened", "served_page"]

FRONTEND = ROOT / "examples" / "chat_frontend"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 20.0
_VITE = Path("node_modules") / "vite" / "bin" / "vite.js"


class Backend:
    """`examples/chat_backend.py`, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Over what it kept."""
        command = [
            "-m",
            "uvicorn",
            "examples.chat_backend:app",
            "--port",
            str(self.port),
            "--ws",
            "agents_sdk.sockets.uvicorn:Protocol",
        ]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=self._folder,
            env={**_without_models(), "PYTHONPATH": str(ROOT)},
            stderr=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await _reachable(self.port)

    async def kill(self) -> None:
        """By SIGKILL, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@contextmanager
def built() -> Iterator[Path]:
    """A folder with the page, as Vite makes it. Raises `Unavailable`."""
    packages = installed(FRONTEND / "package.json")
    ours = [one for one in FRONTEND.iterdir() if one.name not in ("node_modules", "dist")]
    with beside(packages, ours) as folder:
        command = [node(), str(packages / _VITE), "build"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder


@asynccontextmanager
async def served_page(page: Path, backend: Backend) -> AsyncIterator[str]:
    """The URL of the page, which finds the agents behind the same origin."""
    port = _free_port()
    command = [
        str(page.parent / _VITE),
        "preview",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--strictPort",
    ]
    serving = await asyncio.create_subprocess_exec(
        node(),
        *command,
        cwd=page,
        env={**os.environ, "BACKEND": f"http://127.0.0.1:{backend.port}"},
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await _reachable(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        serving.kill()
        await serving.wait()


@asynccontextmanager
async def opened() -> AsyncIterator[Page]:
    """An empty page of a browser. Raises `Unavailable` when there is none."""
    async with async_playwright() as playwright:
        program = _browser(playwright.chromium.executable_path)
        options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=program, args=options)
        try:
            context = await browser.new_context(viewport={"width": 800, "height": 600})
            yield await context.new_page()
        finally:
            await browser.close()


def _browser(own: str) -> str:
    """The Chromium of this machine, else the one that Playwright has fetched."""
    for program in (*map(shutil.which, _BROWSERS), own if Path(own).exists() else None):
        if program is not None:
            return program
    raise Unavailable("there is no Chromium: `apt install chromium`, or `playwright install chromium`")


def _without_models() -> dict[str, str]:
    """What is told is the echo, whatever keys are in the environment."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


async def _reachable(port: int) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
