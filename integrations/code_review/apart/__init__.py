"""Reading hostile texts in a process of their own, which may hang, grow or die without harm."""

from integrations.code_review.apart.apart import Apart, NotAnalysed

__all__ = ["Apart", "NotAnalysed"]
