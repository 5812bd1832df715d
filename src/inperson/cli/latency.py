"""``inperson latency``: the timing of answers, from turns alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inperson._console import require_other, say, show, write
from inperson.cli.guard import guarded
from inperson.cli.options import JsonOut, OwnCalibration, Prior


@guarded
def latency(
    turns: Annotated[
        Path, typer.Argument(metavar="TURNS", help="Who spoke when: RTTM, WebVTT or a JSON transcript; no recording.")
    ],
    interviewer: Annotated[
        str | None,
        typer.Option("--interviewer", metavar="NAME", help="Who asks; everybody but the candidate by default."),
    ] = None,
    candidate: Annotated[
        str | None, typer.Option("--candidate", metavar="NAME", help="Who answers; inferred by default.")
    ] = None,
    json_out: JsonOut = None,
    prior: Prior = 0.5,
    calibration: OwnCalibration = None,
) -> None:
    """Look at how long the answers of a conversation take to begin, from its turns alone."""
    from inperson.conversations import analyze_turns
    from inperson.render import view

    require_other(json_out, turns)
    report = analyze_turns(turns, candidate=candidate, interviewer=interviewer, prior=prior, calibration=calibration)
    if json_out is not None:
        write(json_out, report.to_json() + "\n")
    if json_out != "-":
        show(view(report))
        if json_out is not None:
            say(f"JSON written to {json_out}")
