"""``inperson check``: one recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inperson._console import reading_bar, require_other, say, show, write
from inperson.cli.guard import guarded
from inperson.cli.options import (
    Asr,
    AsrLanguage,
    AudioTrack,
    Embed,
    Exclude,
    FaceBackend,
    HtmlOut,
    JsonOut,
    OwnCalibration,
    Pictures,
    Prior,
    Recheck,
    Signals,
    ViewingCopy,
    Who,
    names,
    recogniser,
    spans,
)
from inperson.cli.report import write_page
from inperson.errors import InputError


@guarded
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    json_out: JsonOut = None,
    html: HtmlOut = None,
    pictures: Pictures = None,
    copy: ViewingCopy = False,
    embed: Embed = False,
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
    exclude: Exclude = None,
    asr: Asr = None,
    asr_language: AsrLanguage = None,
) -> None:
    """Analyse one recording and show what each signal measured, with the moments that support it."""
    from inperson.analysis import analyze

    require_other(json_out, file)
    require_other(html, file, "--html")
    if copy and html in (None, "-"):
        raise InputError("--copy lies beside the page: give --html a file")
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
            exclude=spans(exclude),
            asr=recogniser(asr, asr_language),
            progress=progress,
        )
    if json_out is not None:
        write(json_out, report.to_json() + "\n")
    if html is not None:
        write_page(report, html, file, pictures is not False, copy, embed)
    if "-" not in (json_out, html):
        from inperson.render import view

        show(view(report))
    for name, target in (("JSON", json_out), ("page", html)):
        if target not in (None, "-"):
            say(f"{name} written to {target}")
