import pytest

from integrations.compaction import Compaction
from integrations.compaction.settings import Room


def test_the_room_is_what_the_window_leaves_to_the_messages() -> None:
    settings = Compaction(window=100_000, reserve=10_000, at=0.75, target=0.4)
    assert settings.room(10_000) == Room(limit=80_000, threshold=60_000, goal=32_000)


def test_an_overhead_above_the_window_leaves_no_room() -> None:
    assert Compaction().room(200_000) == Room(limit=0, threshold=0, goal=0)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"at": 0.4, "target": 0.4}, "0 < target < at <= 1, not target=0.4 and at=0.4"),
        ({"at": 1.5}, "0 < target < at <= 1"),
        ({"target": 0.0}, "0 < target < at <= 1"),
        ({"target": 0.7}, "target=0.7 is too near to at=0.75"),
        ({"reserve": 128_000}, "reserve=128000 leaves nothing of the window"),
        ({"reserve": 0}, "reserve must be at least 1"),
        ({"tail": -1}, "tail cannot be negative"),
        ({"keep_results": -1}, "keep_results cannot be negative"),
        ({"strikes": 0}, "strikes must be at least 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Compaction(**settings)  # type: ignore[arg-type]  # wrong on purpose
