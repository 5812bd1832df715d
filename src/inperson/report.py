"""The report: what `inperson.analyze` returns, what `inperson check` prints, what a platform stores.

Its JSON form is stable and versioned (`SCHEMA`); the JSON Schema is published as ``docs/report.schema.json``. There is
no verdict in it, and no landmark, embedding or picture.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from inperson._over_time import Curve, Part, Timeline

SCHEMA: Literal["inperson/report/1"] = "inperson/report/1"

Status = Literal["scored", "inconclusive", "abstained", "not_applicable"]


class Moment(Part):
    """A stretch of the recording that supports a finding."""

    start: float = Field(ge=0, description="seconds from the start of the recording")
    end: float = Field(ge=0, description="seconds from the start of the recording")
    score: float = Field(description="on the detector's own raw scale; larger is more like the signal")
    note: str = Field(description="what was measured here")
    track: int | None = Field(default=None, description="face track it is about")
    speaker: str | None = Field(default=None, description="speaker it is about")
    kind: str | None = Field(
        default=None,
        description="null: the score rests on it; profile, fast, edge, return, covered, second_onset: "
        "a place to look at anyway; typing, whisper, third_voice, previous: heard around an answer, and no part "
        "of the score",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"a moment needs end >= start, found {self.start} to {self.end}")
        return self


class Quantity(Part):
    """A number and its unit."""

    value: float
    unit: str


class Finding(Part):
    """What one signal's detector says about the recording.

    Exactly one of `confidence` and `reason` is set. `confidence` is P(signal present | evidence) at the report's
    `prior`; `llr` is the log10 likelihood ratio, independent of any prior; `interval` is the 95 % interval of
    `confidence`. ``inconclusive``: it was scored and spoke for the signal, but not on mildly re-encoded copies of the
    recording (`inperson.stability`).
    """

    signal: str
    status: Status
    score: float | None = Field(
        default=None, description="on the detector's own raw scale, before calibration; larger is more like the signal"
    )
    confidence: float | None = Field(default=None, ge=0, le=1)
    llr: float | None = Field(default=None, description="log10 likelihood ratio: signal present against bona fide")
    interval: tuple[float, float] | None = Field(default=None, description="95 % interval of confidence")
    quality: float | None = Field(
        default=None, ge=0, le=1, description="how good the material was for this measurement"
    )
    p_value: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="at most this share of the platform's genuine recordings score as high; see Report.site",
    )
    p_value_reason: str | None = Field(
        default=None, description="why a scored finding has no p_value though a site calibration was given"
    )
    reason: str | None = Field(default=None, description="why nothing could be told")
    evidence: tuple[Moment, ...] = ()
    measurements: dict[str, Quantity] = Field(default_factory=dict)
    model: str | None = Field(default=None, description="name-version of the model card")
    alternatives: tuple[str, ...] = Field(default=(), description="innocent explanations that fit the measurement")
    curve: Curve | None = Field(default=None, description="what the score was made from, over the recording")

    @model_validator(mode="after")
    def _scored_or_reasoned(self) -> Self:
        scored = self.status == "scored"
        if scored != (self.confidence is not None) or scored == (self.reason is not None):
            raise ValueError(f"{self.signal}: exactly one of confidence (scored) and reason (not scored) must be set")
        if scored and (self.llr is None or self.interval is None or self.quality is None):
            raise ValueError(f"{self.signal}: a scored finding needs llr, interval and quality")
        return self


class VideoStream(Part):
    """The picture, as the container and the first packets describe it."""

    codec: str
    width: int = Field(description="upright, square pixels")
    height: int
    rate: float | None = Field(description="mean frames per second")
    constant_rate: bool | None = Field(description="False for variable frame rate; null where it cannot be told")
    rotation: int = Field(description="degrees, as in the metadata; already applied")
    pixel_format: str | None = None
    bit_depth: int | None = None
    hdr: bool = False
    start: float | None = Field(default=None, description="seconds after the recording's origin")


class AudioStream(Part):
    """One audio track."""

    codec: str
    rate: int = Field(description="Hz")
    channels: int
    layout: str | None = None
    language: str | None = None
    title: str | None = None
    start: float | None = Field(default=None, description="seconds after the recording's origin")


class Media(Part):
    """The recording itself."""

    path: str
    sha256: str
    size_bytes: int
    container: str
    duration: float = Field(ge=0, description="seconds read, on the recording's own clock")
    codecs: tuple[str, ...]
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    encoder: str | None = None
    writing_application: str | None = None
    creation_time: str | None = None


class Subject(Part):
    """Which face and which voice was taken to be the candidate's, and how that was decided."""

    track: int | None
    speaker: str | None
    how: str


class SiteCalibration(Part):
    """The platform's own genuine recordings that this one was compared with."""

    label: str = Field(description="what the platform calls it")
    sha256: str | None = Field(description="of the file; null where it came from none")
    assurance: float = Field(
        ge=0.5, lt=1, description="probability that the rate of false alarms holds for this calibration"
    )
    recordings: int = Field(ge=0, description="genuine recordings analysed")
    scored: dict[str, int] = Field(description="of these, how many each signal was scored on")


class Report(Part):
    """Everything `inperson` says about one recording."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    schema_: Literal["inperson/report/1"] = Field(default=SCHEMA, alias="schema")
    version: str = Field(description="of inperson")
    media: Media
    candidate: Subject
    prior: float = Field(
        gt=0, lt=1, description="P(signal present) before the recording was seen; stated, not estimated"
    )
    site: SiteCalibration | None = Field(default=None, description="the site calibration that was used, if any")
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...] = ()
    timeline: Timeline | None = Field(default=None, description="who spoke and which faces were seen, when")

    excluded: tuple[tuple[float, float], ...] = Field(
        default=(), description="start and end of spans that were left out of the analysis on request"
    )

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON; ``indent=None`` gives one line."""
        return self.model_dump_json(by_alias=True, indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a report back.

        Raises
        ------
        pydantic.ValidationError
            The text is not a report of this schema.
        """
        return cls.model_validate_json(text)

    def finding(self, signal: str) -> Finding:
        """The finding of one signal.

        Raises
        ------
        KeyError
            The signal was not analysed.
        """
        for finding in self.findings:
            if finding.signal == signal:
                return finding
        raise KeyError(signal)

    def to_graph(self) -> list[dict[str, Any]]:
        """The findings as Microsoft Graph ``syntheticMediaDetectionDetail`` objects (see `inperson.graph`)."""
        from inperson.graph import details

        return details(self)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the report's JSON form."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
