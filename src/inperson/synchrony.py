"""The offset of sound and lips over time: what `lip_sync` measures, for those who want the instrument.

>>> import inperson
>>> found = inperson.sync("samples/late_audio.mp4")  # doctest: +SKIP
>>> round(found.offset, -1)  # doctest: +SKIP
250.0

Conventions
-----------
Offsets are in milliseconds and positive where the sound is late: what the lips do at time t is heard at ``t + offset``.
Times are in seconds on the recording's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inperson.errors import InputError
from inperson.types import Span

if TYPE_CHECKING:
    from inperson.analysis import Progress
    from inperson.detectors.lip_sync import LipSync
    from inperson.types import Turn

SCHEMA = "inperson.sync/1"
LEAST_HEIGHT = 120.0
"""ms a picture shows at least: scatter of a few ms should look like what it is."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A few seconds of the candidate's speech.

    Attributes
    ----------
    start, end : float
        s
    offset, low, high : float or None
        ms, with its 95 % interval; None where sound and lips agree at no lag clearly.
    likeness : float
        How alike mouth and voice are at the recording's offset, less what chance gives; 0.1 and more is usual.
    over_chance : float
        The same in deviations of chance; 3 and more stands out.
    speech : float
        Seconds of speech in it.
    """

    start: float
    end: float
    offset: float | None
    low: float | None
    high: float | None
    likeness: float
    over_chance: float
    speech: float


@dataclass(frozen=True, slots=True)
class Change:
    """A sudden change of the offset at `time` (s), from `before` to `after` (ms)."""

    time: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Sync:
    """Sound against lips of one recording.

    Attributes
    ----------
    offset, low, high : float or None
        ms over the whole recording, with a 95 % interval; None where it could not be told.
    drift : float or None
        ms a minute; None for less than a minute.
    interviewer_offset : float or None
        ms of the other person, where that one is seen and heard too: what the recording itself does to sound.
    windows : tuple of Stretch
    jumps : tuple of Change
    parted, still_mouth, silent_mouth : tuple of Span
        Where mouth and voice part though they agree elsewhere; where the voice is heard and the mouth is still; where
        the mouth moves as in speech and no voice is heard.
    reason : str
        Why there is no reading; empty if there is one.
    """

    offset: float | None = None
    low: float | None = None
    high: float | None = None
    drift: float | None = None
    interviewer_offset: float | None = None
    windows: tuple[Stretch, ...] = ()
    jumps: tuple[Change, ...] = ()
    parted: tuple[Span, ...] = ()
    still_mouth: tuple[Span, ...] = ()
    silent_mouth: tuple[Span, ...] = ()
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the convention stated."""
        return {"schema": SCHEMA, "convention": "ms, positive: the sound is late relative to the lips", **asdict(self)}


def sync(
    path: str | Path,
    *,
    turns: str | Path | tuple[Turn, ...] | None = None,
    candidate: str | None = None,
    audio_track: int | None = None,
    face_backend: str = "onnx",
    progress: Progress | None = None,
) -> Sync:
    """Measure one recording. Options and errors are those of `inperson.analyze`."""
    from inperson.analysis import analyze
    from inperson.detectors.lip_sync import LipSync

    made: list[LipSync] = []

    def detector() -> LipSync:
        made.append(LipSync())
        return made[-1]

    report = analyze(
        path,
        detectors=[detector],
        turns=turns,
        candidate=candidate,
        audio_track=audio_track,
        face_backend=face_backend,
        recheck=False,
        progress=progress,
    )
    finding = report.finding("lip_sync")
    found = made[-1].found
    if found is None:
        return Sync(reason=finding.reason or "nothing could be measured")
    numbers = {name: one.value for name, one in finding.measurements.items()}
    return Sync(
        offset=numbers.get("offset"),
        low=numbers.get("offset_low"),
        high=numbers.get("offset_high"),
        drift=numbers.get("drift"),
        interviewer_offset=numbers.get("interviewer_offset"),
        windows=tuple(
            Stretch(w.span.start, w.span.end, w.offset, w.low, w.high, w.likeness, w.over_chance, w.seconds)
            for w in found.course.windows
        ),
        jumps=tuple(Change(jump.time, jump.before, jump.after) for jump in found.course.jumps),
        parted=tuple(span for span, _ in found.course.parted) if found.significant else (),
        still_mouth=found.still.voice,
        silent_mouth=found.still.mouth,
        reason="" if "offset" in numbers else finding.reason or "sound and lips agree at no lag clearly",
    )


def draw(found: Sync, path: str | Path, title: str = "") -> None:
    """The offset over time as a PNG picture.

    Raises
    ------
    InputError
        Matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a picture needs matplotlib; install it with: pip install 'inperson[evaluate]'") from None
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for w in found.windows:
        if w.offset is not None and w.low is not None and w.high is not None:
            axes.plot([w.start, w.end], [w.offset] * 2, color="#0072b2", linewidth=2)
            axes.fill_between([w.start, w.end], [w.low] * 2, [w.high] * 2, color="#0072b2", alpha=0.2, linewidth=0)
    for spans, colour, name in (
        (found.parted, "#d55e00", "mouth and voice part"),
        (found.still_mouth, "#cc79a7", "voice, still mouth"),
        (found.silent_mouth, "#e69f00", "moving mouth, no voice"),
    ):
        for i, span in enumerate(spans):
            axes.axvspan(span.start, span.end, color=colour, alpha=0.25, linewidth=0, label="" if i else name)
    for change in found.jumps:
        axes.axvline(change.time, color="#000000", linewidth=0.8, linestyle=":")
    if found.offset is not None:
        axes.axhline(found.offset, color="#888888", linewidth=0.8)
    low, high = axes.get_ylim()
    middle = (low + high) / 2
    axes.set_ylim(min(low, middle - LEAST_HEIGHT / 2), max(high, middle + LEAST_HEIGHT / 2))
    axes.set_xlabel("s")
    axes.set_ylabel("ms, above 0: the sound is late")
    axes.set_title(title, loc="left", fontsize=9, parse_math=False)
    if found.parted or found.still_mouth or found.silent_mouth:
        axes.legend(frameon=False, fontsize=8)
    _save(lambda target: figure.savefig(target, format="png", dpi=120, metadata={"Software": None}), Path(path))


def _save(write: Callable[[Path], None], path: Path) -> None:
    try:
        write(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
