"""Options that several commands share."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inperson.errors import InputError

if TYPE_CHECKING:
    from inperson.whisper import FasterWhisper

Signals = Annotated[
    str | None,
    typer.Option(
        "--signals", metavar="A,B", help="Signals to look at, separated by commas; by default all but variants."
    ),
]
Prior = Annotated[
    float, typer.Option("--prior", metavar="P", help="P(signal present) before the recording is seen, between 0 and 1.")
]
Who = Annotated[
    str | None,
    typer.Option(
        "--candidate",
        metavar="WHO",
        help="Who the candidate is: a speaker label, channel:N, track:N, or a place such as left or top-right. "
        "Inferred by default.",
    ),
]
AudioTrack = Annotated[
    int | None, typer.Option("--audio-track", metavar="N", help="Use this audio track, from 0; all by default.")
]
FaceBackend = Annotated[
    str, typer.Option("--face-backend", metavar="NAME", help="onnx, or mediapipe (needs the extra of that name).")
]
JsonOut = Annotated[
    str | None, typer.Option("--json", metavar="OUT", help="Write JSON to this file, or to standard output for -.")
]
HtmlOut = Annotated[
    str | None,
    typer.Option(
        "--html", metavar="OUT", help="Write the reviewer's page; of a batch the index, with pages beside it."
    ),
]
Pictures = Annotated[
    bool | None,
    typer.Option(
        "--pictures/--no-pictures", help="Put small pictures of the recording into the page, or leave them out."
    ),
]
ViewingCopy = Annotated[
    bool,
    typer.Option("--copy", help="Play a copy encoded for browsers, written beside the page: for HEVC, MPEG, AVI."),
]
Embed = Annotated[
    bool, typer.Option("--embed", help="Put the recording into the page itself; up to 64 MiB. Mind who gets the page.")
]
Exclude = Annotated[
    str | None,
    typer.Option(
        "--exclude",
        metavar="A-B,...",
        help="Leave these seconds out, as in 12.5-30,61-64; or what a review saved by the page excludes: review.json.",
    ),
]
Recheck = Annotated[
    bool,
    typer.Option(
        "--recheck/--no-recheck",
        help="Measure what speaks for a signal again on two mildly re-encoded copies; inconclusive if it turns round.",
    ),
]
Asr = Annotated[
    str | None,
    typer.Option(
        "--asr",
        metavar="FOLDER",
        help="Recognise words with the Whisper weights in this folder, or in the installed package of this name "
        "(needs inperson[asr]); nothing is downloaded.",
    ),
]
AsrLanguage = Annotated[
    str | None,
    typer.Option(
        "--asr-language", metavar="CODE", help="What is spoken, as in en; guessed stretch by stretch without."
    ),
]
OwnCalibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration", metavar="FILE", help="Compare with your own genuine recordings: made by inperson calibrate."
    ),
]
Listing = Annotated[
    str | None, typer.Option("--list", metavar="FILE", help="A file with one path a line; - for standard input.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Processes; as many as cores and memory allow by default.")
]
Timeout = Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds one recording may take.")]
Memory = Annotated[int, typer.Option("--memory", metavar="MIB", help="MiB of memory one worker may hold.")]
RetryErrors = Annotated[bool, typer.Option("--retry-errors", help="Try recordings again that ended in an error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")]


def recogniser(asr: str | None, language: str | None) -> FasterWhisper | None:
    """What ``--asr`` and ``--asr-language`` name.

    Raises
    ------
    InputError
        The folder holds no such weights, or there is a language without them.
    """
    if asr is None:
        if language is not None:
            raise InputError("--asr-language says what --asr FOLDER is to recognise, and there is no --asr")
        return None
    from inperson.whisper import FasterWhisper

    return FasterWhisper(asr, language)


def spans(exclude: str | None) -> list[tuple[float, float]]:
    """Spans of ``--exclude``: written out, or in the file of a review.

    Raises
    ------
    InputError
        Neither.
    """
    if exclude is None:
        return []
    if exclude.endswith(".json"):
        return _reviewed(Path(exclude))
    found = [re.fullmatch(r"\s*(\d+\.?\d*)\s*-\s*(\d+\.?\d*)\s*", part) for part in exclude.split(",")]
    if not all(found):
        raise InputError(f"--exclude takes seconds such as 12.5-30,61-64 or a review's .json, found {exclude!r}")
    return [(float(part[1]), float(part[2])) for part in found if part]


def _reviewed(path: Path) -> list[tuple[float, float]]:
    try:
        review = json.loads(path.read_bytes())
        return [(float(span["start"]), float(span["end"])) for span in review["excluded"]]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is no review saved by the reviewer's page") from None


def names(signals: str | None) -> tuple[str, ...] | None:
    return None if signals is None else tuple(name.strip() for name in signals.split(",") if name.strip())
