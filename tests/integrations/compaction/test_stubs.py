import json

import pytest

from integrations.compaction import READ_HISTORY, from_wire, read_history
from integrations.compaction.message import Call
from integrations.compaction.stubs import shorten
from tests.integrations.compaction.histories import Wire, result, result_parts

CALLS = {"a": Call("a", "read_file", '{"path":"a.py"}')}


def shortened(wire: Wire, keep: int) -> Wire:
    return shorten(from_wire([wire])[0], CALLS, keep).wire()


def test_a_stub_names_tool_size_arguments_and_handle() -> None:
    stub = shortened(result("a", "x" * 12_345), 0)
    assert stub == result("a", "[read_file (arguments 87b2ac5b): 12,345 characters, shortened; handle m1]")


def test_an_excerpt_has_the_start_and_the_end() -> None:
    content = shortened(result("a", "<" + "x" * 9_000 + ">"), 40)["content"]
    assert isinstance(content, str)
    assert content.endswith("\n<" + "x" * 29 + "\n[…]\n" + "x" * 9 + ">")


def test_a_text_as_short_as_the_excerpt_is_quoted_once() -> None:
    assert str(shortened(result("a", [{"type": "image_url"}]), 40)["content"]).endswith("m1]\n[image_url]")


def test_only_the_results_of_a_message_are_shortened() -> None:
    stub = shortened(result_parts(["a"], [{"type": "text", "text": "x" * 500}], "and this?"), 0)["content"]
    assert isinstance(stub, list)
    assert stub[0]["tool_use_id"] == "a"
    assert "500 characters" in stub[0]["content"]
    assert stub[1] == {"type": "text", "text": "and this?"}


@pytest.mark.parametrize(
    ("content", "size"),
    [(None, 0), ([{"type": "image_url"}], len("[image_url]")), ([{"odd": 1}], len("{'odd': 1}"))],
)
def test_the_size_is_that_of_the_text(content: object, size: int) -> None:
    assert f": {size} characters" in str(shortened(result("a", content), 0)["content"])


def test_the_original_is_found_by_its_handle() -> None:
    history = from_wire([result("a", "one"), result("b", "two")])
    assert read_history(history, "m2") is history[1]


def test_an_unknown_handle_is_refused() -> None:
    with pytest.raises(LookupError, match="the history has no message 'm9': give a handle"):
        read_history([], "m9")


def test_the_tool_definition_takes_a_handle() -> None:
    assert "'required': ['handle']" in str(READ_HISTORY)


def test_long_texts_in_arguments_are_clipped_and_stay_json() -> None:
    arguments = {"path": "a.py", "text": "x" * 900, "edits": [{"old": "y" * 300, "new": "z"}], "n": 7}
    function = {"name": "write", "arguments": json.dumps(arguments), "strict": True}
    wire: Wire = {
        "role": "assistant",
        "content": "I write.",
        "tool_calls": [{"id": "a", "type": "function", "function": function}],
    }
    clipped = shortened(wire, 10)
    assert clipped["content"] == "I write."
    calls = clipped["tool_calls"]
    assert isinstance(calls, list)
    assert calls[0]["function"] | {"arguments": ""} == function | {"arguments": ""}
    assert json.loads(calls[0]["function"]["arguments"]) == {
        "path": "a.py",
        "text": "xxxxxxxxxx [… 900 characters, shortened; handle m1]",
        "edits": [{"old": "yyyyyyyyyy [… 300 characters, shortened; handle m1]", "new": "z"}],
        "n": 7,
    }


def test_the_input_of_a_call_in_parts_is_clipped() -> None:
    part = {"type": "tool_use", "id": "a", "name": "write", "input": {"text": "x" * 300}}
    clipped = shortened({"role": "assistant", "content": [{"type": "text", "text": "t" * 300}, part]}, 5)[
        "content"
    ]
    assert isinstance(clipped, list)
    assert clipped[0]["text"] == "t" * 300
    assert clipped[1]["input"] == {"text": "xxxxx [… 300 characters, shortened; handle m1]"}


@pytest.mark.parametrize("arguments", ["{", "[" * 100_000, '"\\ud83d"'])
def test_arguments_that_are_no_json_or_no_text_do_no_harm(arguments: str) -> None:
    function = {"name": "write", "arguments": arguments}
    wire: Wire = {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": function}]}
    json.dumps(shortened(wire, 5), ensure_ascii=False).encode()
