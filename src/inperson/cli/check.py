"""``inperson check``: one recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inperson._console import reading_bar, require_other, say, show, write
from inperson.cli.guard import guarded
from inperson.cli.options import AudioTrack, FaceBackend, JsonOut, OwnCalibration, Prior, Recheck, Signals, Who, names


@guarded
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    json_out: JsonOut = None,
    signals: Signals = None,
    turns: Annotated[
        Path | None,
        typer.Option("--turns", metavar="FILE", help="Who spoke when: RTTM, WebVTT or a JSON transcript."),
    ] = None,
    candidate: Who = None,
    prior: Prior = 0.5,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
    calibration: OwnCalibration = None,
    recheck: Recheck = True,
) -> None:
    """Analyse one recording and show what each signal measured, with the moments that support it."""
    from inperson.analysis import analyze

    require_other(json_out, file)
    with reading_bar() as progress:
        report = analyze(
            file,
            signals=names(signals),
            turns=turns,
            candidate=candidate,
            prior=prior,
            audio_track=audio_track,
            face_backend=face_backend,
            calibration=calibration,
            recheck=recheck,
            progress=progress,
        )
    if json_out is not None:
        write(json_out, report.to_json() + "\n")
    if json_out != "-":
        from inperson.render import view

        show(view(report))
        if json_out is not None:
            say(f"JSON written to {json_out}")
