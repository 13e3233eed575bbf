"""Reading a value out of what models write around it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from integrations.llm.structured import Fits, Misfit, instructed, read
from tests.integrations.llm.asking import FINDING, Finding


class Loose(BaseModel):
    """Any JSON object at all fits it."""

    note: str = ""


FOUND = Fits(Finding(path="a.py", line=3))
WORDS = st.text(alphabet=st.characters(exclude_characters='{}[]"\\`<', exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "text",
    [
        FINDING,
        f"\n {FINDING}\n",
        f"Here it is:\n```json\n{FINDING}\n```\nGood luck!",
        f"```\n{FINDING}\n```",
        f"The bug is this: {FINDING}. I hope {{this}} helps.",
        f"As for {{placeholders}} and [1], none. {FINDING}",
        f'<think>maybe {{"path": "b.py", "line": 1}}?</think>{FINDING}',
        f'First {{"line": 3}}, no: {FINDING}',
        '{"path": "a.py", "line": 3, "why": "an extra field"}',
    ],
)
def test_found(text: str) -> None:
    assert read(text, Finding) == FOUND


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it holds no complete JSON value"),
        ("I see nothing.", "it holds no complete JSON value"),
        ('{"path": "a.py", "line": ', "it holds no complete JSON value"),
        ('{"path": "a.py"}', "line: Field required"),
        (f"[{FINDING}]", "the answer: Input should be an object"),
        ('{"path": 1, "line": "x"}', "path: Input should be a valid string; line: Input should be a valid"),
    ],
)
def test_misfit(text: str, reason: str) -> None:
    result = read(text, Finding)
    assert isinstance(result, Misfit)
    assert result.reason.startswith(reason)


@pytest.mark.parametrize("text", ['{"findings": [{"note": "a"}, oops]}', '[{"note": "a"}, {"no', '{"x": {}'])
def test_a_part_of_a_broken_value_is_not_the_answer(text: str) -> None:
    assert isinstance(read(text, Loose), Misfit)


@given(st.text(max_size=50), st.integers(), WORDS, WORDS)
def test_words_around_it_do_not_matter(path: str, line: int, before: str, after: str) -> None:
    wanted = Finding(path=path, line=line)
    assert read(before + wanted.model_dump_json() + after, Finding) == Fits(wanted)


@given(st.text(alphabet='{}[]":,\\ a1`\n<>/think', max_size=200) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(read(text, Finding), Fits | Misfit)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{" * 100_000, '{"a":' * 50_000, "[1}" * 50_000, '"' * 99_999]
)
def test_hostile_text_takes_no_time(text: str) -> None:
    assert isinstance(read(text, Finding), Misfit)


def test_many_errors_are_cut_short() -> None:
    class Wide(BaseModel):
        """Twelve required fields."""

        __annotations__ = {f"f{number}": int for number in range(12)}

    result = read("{}", Wide)
    assert isinstance(result, Misfit)
    assert result.reason.endswith("; and 4 more")


def test_instructions_without_a_system_message() -> None:
    system, question = instructed(({"role": "user", "content": "Where?"},), Finding)
    assert system["role"] == "system"
    assert json.loads(str(system["content"]).splitlines()[-1]) == Finding.model_json_schema()
    assert question == {"role": "user", "content": "Where?"}
