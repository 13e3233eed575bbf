import pytest

from integrations.compaction import from_wire
from integrations.compaction.files import SHOWN, Files, touched
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
    assert touched(history, TOOLS) == Files(read=("a.py", "d.py"), changed=("b.py",))


@pytest.mark.parametrize("name", ["path", "file_path", "filename", "file"])
def test_the_path_is_found_under_its_usual_names(name: str) -> None:
    assert touched(from_wire([called("read", f'{{"{name}": "x"}}')]), TOOLS) == Files(read=("x",))


@pytest.mark.parametrize("arguments", ["", "{", "[]", "{}", '{"path": 7}', "null"])
def test_arguments_that_name_no_file_are_passed_over(arguments: str) -> None:
    assert touched(from_wire([called("read", arguments)]), TOOLS) == Files()


def test_a_long_list_shows_the_newest() -> None:
    described = Files(read=tuple(f"f{n}" for n in range(SHOWN + 3))).describe()
    assert described.startswith("Files read (and 3 older): f3, f4")
    assert Files().describe() == ""
