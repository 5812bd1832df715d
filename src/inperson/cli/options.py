"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Signals = Annotated[
    str | None,
    typer.Option("--signals", metavar="A,B", help="Signals to look at, separated by commas; all by default."),
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
Recheck = Annotated[
    bool,
    typer.Option(
        "--recheck/--no-recheck",
        help="Measure what speaks for a signal again on two mildly re-encoded copies; inconclusive if it turns round.",
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


def names(signals: str | None) -> tuple[str, ...] | None:
    return None if signals is None else tuple(name.strip() for name in signals.split(",") if name.strip())
