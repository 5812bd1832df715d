"""A conversation whose turns are known, without its recording: the timing of the answers alone.

>>> import inperson
>>> report = inperson.analyze_turns("samples/interview.rttm", candidate="candidate")  # doctest: +SKIP
>>> report.finding("response_latency").status  # doctest: +SKIP
'scored'
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inperson.errors import InputError
from inperson.types import Session, Turn

if TYPE_CHECKING:
    from inperson.report import Report
    from inperson.site import Site

CONTAINER = "turns"
"""What the report says in place of a recording's container."""


def analyze_turns(
    turns: str | Path | Sequence[Turn],
    *,
    candidate: str | None = None,
    interviewer: str | None = None,
    prior: float = 0.5,
    calibration: str | Path | Site | None = None,
) -> Report:
    """Analyse the timing of a conversation's answers.

    Parameters
    ----------
    turns : path or sequence of Turn
        Who spoke when: RTTM, WebVTT or a JSON transcript, or the turns themselves, to a tenth of a second or better:
        captions rounded to whole seconds measure their own rounding.
    candidate : str, optional
        Label of the one who answers. Inferred otherwise, as `inperson.analyze` does; the report says how.
    interviewer : str, optional
        Label of the one who asks. Turns of anybody else but the candidate are left out; by default everybody asks.
    prior, calibration
        As in `inperson.analyze`.

    Returns
    -------
    Report
        With one finding, ``response_latency``, in the form that `inperson.analyze` gives; ``media.container`` is
        ``"turns"``, and ``media.sha256`` is the file's or, for a sequence, of its turns.

    Raises
    ------
    InputError
        The turns cannot be read, or a label is nobody's.
    """
    from inperson import site
    from inperson._findings import assembled
    from inperson.analysis import DetectorRun
    from inperson.calibration import confidence
    from inperson.detectors.response_latency import ResponseLatency

    confidence(0.0, prior)  # refuses an impossible prior before any work
    own = site.of(calibration)
    run = DetectorRun(ResponseLatency())
    run.require(own)
    name, content, found = _read(turns)
    session = _session(name, len(content), _between(found, candidate, interviewer), candidate)
    finding = run.finding(session, prior, own)
    return assembled(session, hashlib.sha256(content).hexdigest(), prior, [finding], list(run.notes([finding])), own)


def _read(turns: str | Path | Sequence[Turn]) -> tuple[str, bytes, tuple[Turn, ...]]:
    """Name, bytes and turns of a conversation, in order of time."""
    from inperson.transcripts import read_turns

    if isinstance(turns, str | Path):
        found = read_turns(turns)
        return str(turns), Path(turns).read_bytes(), found
    found = tuple(sorted(turns))
    lines = (f"{turn.span.start:.3f} {turn.span.end:.3f} {turn.speaker}\n" for turn in found)
    return "", "".join(lines).encode("utf-8", "surrogatepass"), found


def _between(turns: tuple[Turn, ...], candidate: str | None, interviewer: str | None) -> tuple[Turn, ...]:
    """The turns of those two alone, where an interviewer is named."""
    speakers = sorted({turn.speaker for turn in turns})
    if interviewer is None:
        return turns
    if interviewer not in speakers:
        raise InputError(f"interviewer {interviewer!r} is nobody in these turns: expected a speaker of {speakers}")
    if interviewer == candidate:
        raise InputError(f"{candidate!r} cannot be both the interviewer and the candidate")
    if candidate is None:
        rest = [speaker for speaker in speakers if speaker != interviewer]
        if len(rest) != 1:
            raise InputError(f"with interviewer {interviewer!r}, name the candidate: expected one of {rest}")
        candidate = rest[0]
    return tuple(turn for turn in turns if turn.speaker in (interviewer, candidate))


def _session(name: str, size: int, turns: tuple[Turn, ...], wanted: str | None) -> Session:
    from inperson.candidate import LipMotion, choose
    from inperson.media import MediaInfo

    end = max((turn.span.end for turn in turns), default=0.0)
    media = MediaInfo(name, CONTAINER, size, end, 0.0, None, ())
    who = choose(turns, (), LipMotion(), None, None if wanted is None else f"speaker:{wanted}")
    return Session(media, end, turns, "supplied", (), who, "none")
