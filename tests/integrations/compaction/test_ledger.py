import json

import pytest

from integrations.compaction import from_wire
from integrations.compaction.ledger import SHOWN, Ledger, ledger
from integrations.compaction.settings import Touch
from tests.integrations.compaction.histories import Wire, calling, calling_in_parts

TOOLS: dict[str, Touch] = {"read": "read", "write": "changed"}


def called(tool: str, arguments: str) -> Wire:
    function = {"name": tool, "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}


def test_files_are_listed_once_and_as_changed_when_changed() -> None:
    history = from_wire(
        [
            calling(["a", "b"], ["read", "read"]),
            calling(["b", "c"], ["write", "search"]),
            calling_in_parts(["b", "d"], ["read", "read"]),
        ]
    )
    assert ledger(history, TOOLS) == Ledger(read=("a.py", "d.py"), changed=("b.py",))


@pytest.mark.parametrize("name", ["path", "file_path", "filename", "file"])
def test_the_path_is_found_under_its_usual_names(name: str) -> None:
    assert ledger(from_wire([called("read", f'{{"{name}": "x"}}')]), TOOLS) == Ledger(read=("x",))


@pytest.mark.parametrize("arguments", ["", "{", "[]", "{}", '{"path": 7}', "null", "[" * 100_000])
def test_arguments_that_name_no_file_are_passed_over(arguments: str) -> None:
    assert ledger(from_wire([called("read", arguments)]), TOOLS) == Ledger()


def test_a_long_list_shows_the_newest() -> None:
    described = Ledger(read=tuple(f"f{n}" for n in range(SHOWN + 3))).describe()
    assert described.startswith("Files read (and 3 older): f3, f4")
    assert Ledger().describe() == ""


def test_values_of_named_arguments_are_listed_whatever_tool_is_called() -> None:
    history = from_wire(
        [
            called("refund", '{"order_id": "A-4711", "amount": 5, "note": "late"}'),
            called("lookup", '{"order_id": 12, "query": {"order_id": "not this"}}'),
            called("lookup", '{"order_id": "A-4711"}'),
            called("lookup", json.dumps({"order_id": "x" * 201})),
        ]
    )
    found = ledger(history, {}, {"order_id"})
    assert found == Ledger(named=("order_id=A-4711", "order_id=12"))
    assert found.describe() == "Used in tool calls: order_id=A-4711, order_id=12"


def test_what_was_known_before_stays() -> None:
    before = Ledger(read=("a", "b"), changed=("c",), named=("order_id=1",))
    history = from_wire([called("write", '{"path": "b"}'), called("read", '{"path": "c"}')])
    assert ledger(history, TOOLS, {"order_id"}, before=before) == Ledger(
        read=("a",), changed=("b", "c"), named=("order_id=1",)
    )
