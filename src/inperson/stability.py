"""Does a finding survive what any platform does to a recording on upload?

A finding that speaks for a signal is measured again on two mildly re-encoded copies of the recording (`MILD`). If it
turns round on either of them, it hung on details of the encoding and not on the person: it is reported as inconclusive.
Users of detectors meet such turns (the same picture saved twice scores 0.0 and 1.0); the harm of a false alarm is worth
the time of two more looks, which is spent on flagged recordings only.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inperson.errors import Cancelled, InpersonError

if TYPE_CHECKING:
    from inperson.report import Finding

MILD = ("mild-a", "mild-b")
"""Presets of `inperson.degradation`: another H.264 and AAC encode; a slightly smaller picture with Opus."""
SPEAKS = math.log10(2)
"""Findings with at least this log10 likelihood ratio are measured again. Own choice: below a ratio of 2 a finding says
next to nothing, and a turn of it neither."""

Again = Callable[[Path, tuple[str, ...]], Sequence["Finding"]]
"""Analyses a copy for the signals named."""


def rechecked(
    path: str | Path,
    findings: Sequence[Finding],
    again: Again,
    unseen: Container[str] = (),
    audio_track: int | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> tuple[list[Finding], list[str]]:
    """Findings with those that do not survive re-encoding made inconclusive, and warnings.

    Parameters
    ----------
    path : path
        The recording. Its copies are written to a private temporary folder, one at a time, and deleted.
    findings : sequence of Finding
        All of them; those at or above `SPEAKS` are measured again.
    again : callable
        See `Again`.
    unseen : container of str
        Signals that need no picture: where only these are measured again, none is encoded.
    audio_track : int, optional
        The track that was measured, from 0; it is the only one of the copies. All of them by default.
    go_on : callable
        Called while a copy is written; what it raises ends the work.

    Returns
    -------
    list of Finding
        In the same order.
    list of str
        Why the recording could not be measured again, if so: the findings then stay as they are.
    """
    flagged = tuple(f.signal for f in findings if f.llr is not None and f.llr >= SPEAKS)
    if not flagged:
        return list(findings), []
    found: dict[str, list[Finding]] = {signal: [] for signal in flagged}
    try:
        picture = any(signal not in unseen for signal in flagged)
        for copy in _measured(path, flagged, again, picture, audio_track, go_on):
            for finding in copy:
                found[finding.signal].append(finding)
    except Cancelled:
        raise
    except (InpersonError, OSError) as error:
        return list(findings), [f"{', '.join(flagged)}: not measured again on re-encoded copies ({error})"]
    return [_judged(f, found[f.signal]) if f.signal in found else f for f in findings], []


def _measured(
    path: str | Path,
    flagged: tuple[str, ...],
    again: Again,
    picture: bool,
    audio_track: int | None,
    go_on: Callable[[], None],
) -> list[Sequence[Finding]]:
    from inperson.degradation import degrade, suffix
    from inperson.media import probe

    info = probe(path)
    has_video = info.video is not None and (picture or not info.audio)
    out = []
    with tempfile.TemporaryDirectory(prefix="inperson-") as folder:
        for preset in MILD:
            copy = Path(folder) / f"copy{suffix(preset, has_video)}"
            degrade(path, copy, preset, picture=picture, audio_track=audio_track, progress=lambda *_: go_on())
            out.append(again(copy, flagged))
            copy.unlink()
    return out


def _judged(first: Finding, copies: Sequence[Finding]) -> Finding:
    """`first` as it is, or inconclusive where a copy says the opposite or cannot tell."""
    from inperson.report import Quantity

    measured = {
        f"llr_reencoded_{name[-1]}": Quantity(value=copy.llr, unit="log10")
        for name, copy in zip(MILD, copies, strict=True)
        if copy.llr is not None
    }
    numbers = {**first.measurements, **measured}
    if all(copy.llr is not None and copy.llr > 0 for copy in copies):
        return first.model_copy(update={"measurements": numbers})
    said = " and ".join("nothing" if copy.llr is None else f"{_ratio(copy.llr)}" for copy in copies)
    return first.model_copy(
        update={
            "status": "inconclusive",
            "reason": f"it does not survive mild re-encoding: a likelihood ratio of {_ratio(first.llr or 0)} as "
            f"recorded, {said} in two re-encoded copies",
            "confidence": None,
            "interval": None,
            "llr": None,
            "p_value": None,
            "measurements": {**numbers, "llr_as_recorded": Quantity(value=first.llr or 0, unit="log10")},
        }
    )


def _ratio(llr: float) -> str:
    return f"{10**llr:.2g}"
