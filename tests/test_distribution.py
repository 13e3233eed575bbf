"""What is shipped, and what is installed to work on it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import layers

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
PINS = sorted((ROOT / "pins").glob("*.txt"))
EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel made from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [made] = folder.glob("*.whl")
    return set(ZipFile(made).namelist())


@pytest.mark.parametrize("package", layers.LAYERS)
def test_the_wheel_has_each_module_and_says_it_is_typed(wheel: set[str], package: str) -> None:
    sources = {file.relative_to(ROOT).as_posix() for file in (ROOT / package).rglob("*.py")}
    assert sources <= wheel
    assert f"{package}/py.typed" in wheel


@pytest.mark.parametrize("vocabulary", ["o200k_base", "cl100k_base"])
def test_the_wheel_has_the_vocabularies(wheel: set[str], vocabulary: str) -> None:
    assert any(name.startswith(f"integrations/tokens/{vocabulary}") for name in wheel)


def test_the_wheel_has_the_licences_and_nothing_else(wheel: set[str]) -> None:
    folders = {name.partition("/")[0] for name in wheel}
    assert folders - set(layers.LAYERS) == {f"perdure-{PROJECT['version']}.dist-info", "perdure_pytest.py"}
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in wheel}


def test_the_command_is_there() -> None:
    [command] = entry_points(group="console_scripts", name="agents")
    assert callable(command.load())


@pytest.mark.parametrize("pins", PINS, ids=lambda file: file.name)
def test_pins_have_hashes_and_no_address(pins: Path) -> None:
    text = pins.read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z].*(?:\n    --hash=.*)*", text, re.MULTILINE)
    assert pinned
    assert [one for one in pinned if "==" not in one or "--hash=sha256:" not in one] == []
    assert re.findall(r"\w+://\S+|--(?:extra-)?index-url.*|--find-links.*", text) == []


@pytest.mark.parametrize(
    ("wanted", "pins"),
    [
        (PROJECT["dependencies"], "dev"),
        (EXTRAS, "dev"),
        (SETTINGS["dependency-groups"]["dev"], "dev"),
        (SETTINGS["build-system"]["requires"], "dev"),
        (SETTINGS["dependency-groups"]["docs"], "docs"),
        (SETTINGS["dependency-groups"]["local-llm"], "local-llm"),
        (SETTINGS["dependency-groups"]["peers"], "peers"),
    ],
    ids=["run", "extras", "dev", "build", "docs", "local-llm", "peers"],
)
def test_what_is_declared_is_pinned_within_its_bounds(wanted: list[str], pins: str) -> None:
    text = (ROOT / "pins" / f"{pins}.txt").read_text(encoding="utf-8")
    versions = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))
    requirements = [Requirement(one) for one in wanted]
    unmet = [one for one in requirements if not within(one, versions.get(canonicalize_name(one.name)))]
    assert unmet == [], "run `make pins`"


def within(wanted: Requirement, version: str | None) -> bool:
    return version is not None and version in wanted.specifier
