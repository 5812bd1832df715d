"""What callers send and get, as pydantic models: the OpenAPI document is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from inperson.detectors import names

State = Literal["queued", "running", "succeeded", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "succeeded", "failed")
JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="as the submission answered")]
Second = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
TURNS_CHARS = 4_000_000
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+$"


def _known(signals: list[str]) -> list[str]:
    unknown = sorted(set(signals) - set(names()))
    if unknown:
        raise ValueError(f"signals are of {', '.join(names())}")
    return signals


def _ordered(span: list[float]) -> list[float]:
    if not span[0] < span[1]:
        raise ValueError("a span ends after it begins")
    return span


class JobOptions(BaseModel):
    """How a recording is to be analysed; as in `inperson.analyze`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    signals: Annotated[list[str], AfterValidator(_known)] | None = Field(
        default=None,
        min_length=1,
        max_length=32,
        description="all but variants by default",
        json_schema_extra={"items": {"type": "string", "enum": list(names())}},
    )
    candidate: str | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        pattern=_PRINTABLE,
        description="a speaker label, channel:N, track:N, or a place such as left; inferred by default",
    )
    prior: float = Field(default=0.5, gt=0, lt=1, description="P(signal present) before the recording is seen")
    audio_track: int | None = Field(default=None, ge=0, le=255)
    recheck: bool = Field(default=True, description="measure again on re-encoded copies what speaks for a signal")
    calibration: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="a name from the service's settings"
    )
    exclude: list[Annotated[list[Second], Field(min_length=2, max_length=2), AfterValidator(_ordered)]] | None = Field(
        default=None, min_length=1, max_length=1000, description="spans to leave out, each [start, end] in seconds"
    )
    consent: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=_PRINTABLE,
        description="reference to the candidate's consent, kept in the audit log; no name, no address",
    )
    webhook: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        description="called when the job has ended; of a place that the service allows",
    )


class Submission(JobOptions):
    """A recording in storage, and how it is to be analysed."""

    url: str = Field(min_length=1, max_length=2048, description="of a place that the service allows; read once")
    turns: str | None = Field(
        default=None, min_length=1, max_length=TURNS_CHARS, description="who spoke when: RTTM, WebVTT or JSON, as text"
    )


class Recording(BaseModel):
    """What is known of the recording."""

    sha256: str | None = Field(description="null until it was fetched")
    bytes: int | None
    stored: bool = Field(description="whether the service still holds it")


class Progress(BaseModel):
    """How far a running analysis has read; it goes on for a while after the end of the recording."""

    read: float = Field(ge=0, description="seconds of recording")
    duration: float | None = Field(ge=0, description="seconds; null where the recording does not say")
    fraction: float | None = Field(ge=0, le=1)


class Failure(BaseModel):
    """Why a job failed."""

    type: str = Field(description="MediaError, InputError, Timeout, Memory, Crash, Fetch, Interrupted, ...")
    message: str


class JobView(BaseModel):
    """The status of a job."""

    id: str
    state: State
    created: str
    started: str | None
    finished: str | None
    expires: str | None = Field(description="when the result will be deleted")
    attempts: int = Field(ge=0)
    recording: Recording
    progress: Progress | None
    error: Failure | None
    options: dict[str, Any]


class Paging(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    before: JobId | None = Field(default=None, description="go on after this job")
    limit: int = Field(default=50, ge=1, le=100)


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    next: str | None = Field(description="give it as `before` to go on; null at the end")


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[dict[str, Any]] | None = None


class Ready(BaseModel):
    """Which checks hold."""

    ready: bool
    checks: dict[str, bool]


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


class AuditHead(BaseModel):
    """The last place of the audit log; keep it elsewhere."""

    head: str = Field(pattern=r"^\d+:[0-9a-f]{64}$")
