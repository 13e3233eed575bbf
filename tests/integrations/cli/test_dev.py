from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from integrations.cli.main import main
from tests.integrations.cli.program import run, started

_APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"{answer}"}})
"""
_BAD_TARGETS = [
    ("main", "'main' does not name an app: write module:attribute, e.g. main:app"),
    ("main.py:app", "did you mean main:app?"),
    ("a b:app", "does not name an app"),
    ("no_such_module:app", "there is no module 'no_such_module' in "),
    ("no_such_module.part:app", "there is no module 'no_such_module' in "),
    ("kinds:ap", "kinds has no 'ap'; did you mean 'app'?"),
    ("kinds:number", "kinds:number is of type int, not an ASGI app"),
    ("kinds:Application", "kinds:Application is the class Application, not an app: make an object of it"),
    ("kinds:make_app", "a function without parameters, not an ASGI app: call it"),
    ("kinds:wsgi", "called with 2 arguments, and an ASGI app with three"),
    ("raises:app", "importing raises failed: ValueError: no port"),
    ("broken:app", "importing broken failed: SyntaxError"),
    ("needs:app", "needs imports 'not_installed_at_all', which is not installed"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules to serve."""
    kinds = "number = 1\nclass Application: ...\ndef make_app(): ...\ndef wsgi(environ, start): ...\n"
    (tmp_path / "kinds.py").write_text(kinds + _APP.format(answer=""))
    (tmp_path / "raises.py").write_text("raise ValueError('no port')\n")
    (tmp_path / "broken.py").write_text("def\n")
    (tmp_path / "needs.py").write_text("import not_installed_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("target", "said"), _BAD_TARGETS)
@pytest.mark.usefixtures("folder")
def test_what_is_no_app_is_refused_in_one_line(
    target: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dev", target]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n"), "Traceback" in err) == ("", 1, False)


def test_where_an_import_failed_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["dev", "raises:app"])
    assert f"({folder / 'raises.py'}, line 1)" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", ""])
def test_sec_2_other_machines_are_refused(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev", "kinds:app", "--host", host]) == 2
    assert "--insecure-no-auth" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_taken_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["dev", "kinds:app", "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}: " in capsys.readouterr().err


def test_the_real_program_refuses_in_one_line(tmp_path: Path) -> None:
    ended = run("dev", "nothing:app", folder=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.line.startswith("agents: there is no module 'nothing'")


@pytest.mark.parametrize("extra", [["--no-reload"], ["--no-reload", "--host", "localhost"], []])
def test_an_app_is_served_until_ctrl_c(tmp_path: Path, extra: list[str]) -> None:
    (tmp_path / "shop.py").write_text(_APP.format(answer="hello"))
    with started("dev", "shop:app", "--port", "0", *extra, folder=tmp_path) as program:
        try:
            assert httpx.get(_address(program), timeout=20).text == "hello"
        finally:
            program.send_signal(signal.SIGINT)
        assert program.wait(20) == 0


def test_an_app_that_does_not_start_ends_the_program(tmp_path: Path) -> None:
    failing = "await receive()\n    await send({'type': 'lifespan.startup.failed', 'message': 'no room'})\n"
    (tmp_path / "shop.py").write_text(f"async def app(scope, receive, send):\n    {failing}")
    ended = run("dev", "shop:app", "--port", "0", "--no-reload", folder=tmp_path)
    assert (ended.code, ended.out, "Traceback" in ended.err) == (2, "", False)
    assert "ERROR:    no room" in ended.err


def test_a_changed_file_is_served_anew(tmp_path: Path) -> None:
    source = tmp_path / "shop.py"
    source.write_text(_APP.format(answer="old"))
    with started("dev", "shop:app", "--port", "0", folder=tmp_path) as program:
        try:
            address = _address(program)
            assert httpx.get(address, timeout=20).text == "old"
            source.write_text(_APP.format(answer="new one"))
            _read_until(program, "Reloading")
            _read_until(program, "Started server process")
            assert httpx.get(address, timeout=20).text == "new one"
        finally:
            program.send_signal(signal.SIGINT)
        assert program.wait(20) == 0


def _address(program: subprocess.Popen[str]) -> str:
    return next(word for word in _read_until(program, " at http://").split() if word.startswith("http://"))


def _read_until(program: subprocess.Popen[str], text: str) -> str:
    assert program.stderr is not None
    return next(line for line in program.stderr if text in line)
