"""The report's parts that lie along the recording: who spoke, which faces were seen, what each signal measured when.

All of them are optional in a report: an older one, or one of turns alone, does without.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inperson.types import MAX_POINTS


class Part(BaseModel):
    """What every part of the report has in common: nothing unknown, nothing changed, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Spoken(Part):
    """One turn."""

    start: float = Field(description="seconds from the start of the recording")
    end: float
    speaker: str
    text: str = Field(default="", description="words, where a transcript was supplied")


class Seen(Part):
    """One face track: when it was visible, and where in the picture."""

    track: int
    candidate: bool = Field(description="whether it was taken to be the candidate's")
    spans: tuple[tuple[float, float], ...] = Field(description="start and end in seconds")
    box: tuple[float, float, float, float] = Field(
        description="median x0, y0, x1, y1 of the face in pixels of the upright picture"
    )


class Timeline(Part):
    """Who spoke when, and which faces were seen when."""

    turns: tuple[Spoken, ...] = ()
    turns_source: Literal["supplied", "channels", "diarized", "none"] = "none"
    tracks: tuple[Seen, ...] = ()


class Point(Part):
    """What was measured in one stretch."""

    start: float
    end: float
    value: float
    kind: str | None = Field(default=None, description="of response_latency: answer or short (a short exchange)")


class Curve(Part):
    """A finding's measurement over the recording: what its score was made from, stretch by stretch."""

    name: str = Field(description="what was measured, for a reader")
    unit: str
    reference: float | None = Field(default=None, description="the value to hold the others against, as named")
    reference_name: str = ""
    points: tuple[Point, ...] = Field(
        default=(),
        description=f"in order of time; {MAX_POINTS} at most: of a longer recording the highest of neighbours",
    )
