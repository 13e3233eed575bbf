"""The document of an exported instance, read back."""

from __future__ import annotations

import json

import pytest

from workflows.backend import Instance, Ref
from workflows.entry import Entry, Key, Kind, State
from workflows.export import exported, recorded

INSTANCE = Instance(
    Ref("Flow", "i", 7),
    "errored",
    b'{"n":1}',
    created_at=1.5,
    error=b'{"name":"E","message":"m"}',
    finished_at=9.25,
    unasked=("gone-1",),
)
ENTRIES = [
    Entry(Key(Kind.DO, "a", 1), 1, State.DONE, 3, result=b'[1,{"$":"tuple","v":[2]}]', config=b'{"x":1}'),
    Entry(Key(Kind.SLEEP, "a", 2), 2, State.WAITING, due=20.5, fixed=True),
    Entry(Key(Kind.WAIT, "w", 1), 3, State.FAILED, error=b'{"name":"T","message":""}', due=3.0),
    Entry(Key(Kind.DO, "c", 1), 4, State.CUT, 1, lasted=2.5),
    Entry(Key(Kind.DO, "d", 1), 5, State.RUNNING, 1),
    Entry(Key(Kind.DO, "", 1), 6, State.DONE, 1, result=b"null"),
]


def test_a_document_is_read_back_as_it_was_written() -> None:
    again = recorded(json.loads(json.dumps(exported(INSTANCE, ENTRIES, sensitive=False))))
    assert again.entries == tuple(ENTRIES)
    assert (again.workflow, again.id, again.status) == ("Flow", "i", "errored")
    assert (again.created_at, again.params, again.output, again.error) == (
        INSTANCE.created_at,
        INSTANCE.params,
        INSTANCE.output,
        INSTANCE.error,
    )
    assert again.unasked == {"gone-1"}
    assert again.redacted == frozenset()


@pytest.mark.parametrize("sensitive", [True, False])
def test_a_sensitive_output_is_redacted_and_its_absence_is_noted(*, sensitive: bool) -> None:
    key = Key(Kind.DO, "secret", 1)
    entry = Entry(key, 1, State.DONE, 1, result=b'"hush"', config=b'{"sensitive":"output"}')
    again = recorded(exported(INSTANCE, [entry], sensitive=sensitive))
    assert again.redacted == (frozenset() if sensitive else {key})
    assert again.entries[0].result == (b'"hush"' if sensitive else None)
