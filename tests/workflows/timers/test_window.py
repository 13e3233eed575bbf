"""A small window over a large table gives what the table would give."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from workflows.timers.window import Entry, Load, timer_window

CAPACITY = 4


def read(table: dict[int, int], load: Load[int]) -> list[Entry]:
    """What the query of the table gives."""
    return sorted(entry for entry in ((due, timer) for timer, due in table.items()) if entry > load.after)[
        : load.room
    ]


class Seen(RuleBasedStateMachine):
    """A table, a window over it, and readings that end later than they looked."""

    def __init__(self) -> None:
        super().__init__()
        self.table: dict[int, int] = {}
        self.window = timer_window(CAPACITY)
        self.pending: list[Entry] | None = None
        self.now = 0
        self.ids = 0

    @rule(due=st.integers(0, 30))
    def add(self, due: int) -> None:
        self.ids += 1
        self.table[self.ids] = self.now + due
        self.window.offer((self.now + due, self.ids))

    @precondition(lambda self: self.table)
    @rule(draw=st.data())
    def cancel(self, draw: st.DataObject) -> None:
        timer = draw.draw(st.sampled_from(sorted(self.table)))
        del self.table[timer]
        self.window.forget(timer)

    @precondition(lambda self: self.table)
    @rule(draw=st.data(), due=st.integers(0, 30))
    def move(self, draw: st.DataObject, due: int) -> None:
        timer = draw.draw(st.sampled_from(sorted(self.table)))
        self.window.forget(timer)
        self.table[timer] = self.now + due
        self.window.offer((self.now + due, timer))

    @rule(passed=st.integers(0, 10), most=st.integers(0, 3), again=st.integers(0, 20))
    def take(self, passed: int, most: int, again: int) -> None:
        self.now += passed
        for due, timer in self.window.take(self.now / 1000, most):
            if self.table.get(timer) != due:
                continue  # a row that is gone or has moved since it was read: `Runs` looks at the row
            assert due == min(self.table.values())
            del self.table[timer]
            if again:
                self.table[timer] = self.now + again
                self.window.offer((self.now + again, timer))

    @precondition(lambda self: self.pending is None)
    @rule()
    def begin(self) -> None:
        load = self.window.begin_load()
        self.pending = None if load is None else read(self.table, load)

    @precondition(lambda self: self.pending is not None)
    @rule()
    def end(self) -> None:
        self.window.end_load(self.pending or [])
        self.pending = None

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.window) <= 2 * CAPACITY + 1

    def teardown(self) -> None:
        """Everything in the table comes out, in order."""
        if self.pending is not None:
            self.end()
        came: list[Entry] = []
        while len(came) < 10_000:
            load = self.window.begin_load()
            if load is not None:
                self.window.end_load(read(self.table, load))
            taken = self.window.take(1e9, 3)
            if not taken and load is None:
                break
            came += [entry for entry in taken if self.table.get(entry[1]) == entry[0]]
        assert came == sorted((due, timer) for timer, due in self.table.items())


Seen.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestWindow = Seen.TestCase


@given(st.lists(st.integers(0, 100), max_size=50), st.integers(0, 60))
def test_what_is_cancelled_takes_no_room(dues: list[int], cancelled: int) -> None:
    window = timer_window(20_000)
    load = window.begin_load()
    assert load is not None
    window.end_load([])
    for number in range(2_000):
        window.offer((number, number))
        window.forget(number)
    for timer, due in enumerate(dues):
        window.offer((due, timer))
    for timer in range(cancelled):
        window.forget(timer)
    kept = sorted((due, timer) for timer, due in enumerate(dues) if timer >= cancelled)
    assert window.take(1e9, 1000) == kept
    assert len(window._heap) <= 1024


def test_what_moves_while_it_is_read_comes_when_it_is_due() -> None:
    """The move is behind the edge that what was offered before has pushed back."""
    window = timer_window(4)
    assert window.begin_load() is not None
    table = {1: 0, 2: 0, 3: 1, 4: 0, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9}
    for timer, due in table.items():
        window.offer((due, timer))
    window.forget(3)
    window.offer((19, 3))
    table[3] = 19
    window.end_load([])
    came: list[Entry] = []
    while True:
        load = window.begin_load()
        if load is not None:
            window.end_load(read(table, load))
        taken = window.take(1e9, 3)
        if not taken and load is None:
            break
        came += taken
    assert came == sorted((due, timer) for timer, due in table.items())


def test_what_has_become_due_sooner_while_it_was_being_read_comes_sooner() -> None:
    window = timer_window(4)
    table = {number: 10 * number for number in range(1, 9)}
    load = window.begin_load()
    assert load is not None
    window.end_load(read(table, load))
    assert [timer for _, timer in window.take(1e9, 3)] == [1, 2, 3]
    load = window.begin_load()
    assert load is not None
    found = read(table, load)
    table[6] = 35
    window.offer((35, 6))
    window.end_load(found)
    assert window.take(0.035, 9) == [(35, 6)]
