"""What is to be made smaller, and what must be left alone in it."""

from dataclasses import dataclass

from integrations.compaction.carried import Carried
from integrations.compaction.message import Message
from integrations.compaction.meter import Meter
from integrations.compaction.overlay import Overlay, view
from integrations.compaction.settings import Room, Settings
from integrations.compaction.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A history as an overlay shows it, with the settings that hold for it."""

    units: tuple[Unit, ...]
    overlay: Overlay
    verbatim: frozenset[str]
    """Messages that are not shortened."""
    pinned: frozenset[str]
    """Units that are not summarised."""
    carried: Carried
    settings: Settings
    room: Room
    meter: Meter

    def messages(self, overlay: Overlay) -> tuple[Message, ...]:
        """The messages to send under another overlay."""
        return view(self.units, overlay)

    def tokens(self, overlay: Overlay) -> int:
        """What these messages take."""
        return self.meter.tokens(self.messages(overlay))
