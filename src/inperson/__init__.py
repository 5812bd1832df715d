"""Evidence, in a recorded interview, that the candidate's face, lips or voice is not their own, or that the answers
were prompted by a machine: one calibrated confidence a signal, with the moments that support it, or a plain statement
that the recording cannot tell.

>>> import inperson
>>> report = inperson.analyze("samples/interview.mp4")  # doctest: +SKIP
>>> report.finding("lip_sync").status  # doctest: +SKIP
'scored'
"""

from typing import TYPE_CHECKING, Any

from inperson.analysis import Analyzer, analyze
from inperson.conversations import analyze_turns
from inperson.errors import Cancelled, InpersonError, InputError, MediaError, ModelError
from inperson.synchrony import Sync, sync
from inperson.types import (
    Abstention,
    Candidate,
    Chunk,
    Detector,
    Evidence,
    Face,
    Frame,
    Measurement,
    Reading,
    Session,
    Span,
    Track,
    Turn,
)

if TYPE_CHECKING:
    from inperson.report import Finding, Report

__version__ = "0.1.0"

__all__ = [
    "Abstention",
    "Analyzer",
    "Cancelled",
    "Candidate",
    "Chunk",
    "Detector",
    "Evidence",
    "Face",
    "Finding",
    "Frame",
    "InpersonError",
    "InputError",
    "Measurement",
    "MediaError",
    "ModelError",
    "Reading",
    "Report",
    "Session",
    "Span",
    "Sync",
    "Track",
    "Turn",
    "analyze",
    "analyze_turns",
    "sync",
]


def __getattr__(name: str) -> Any:
    """`Finding` and `Report` on first use: pydantic is most of the time that importing inperson would take."""
    if name in ("Finding", "Report"):
        from inperson import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
