"""``inperson sync``: the offset of sound and lips over time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inperson._console import reading_bar, require_other, say, show, write
from inperson.cli.guard import guarded
from inperson.cli.options import AudioTrack, FaceBackend, JsonOut, Who
from inperson.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from inperson.synchrony import Sync


@guarded
def sync(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    json_out: JsonOut = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="OUT.png", help="Draw the offset over time (needs matplotlib).")
    ] = None,
    turns: Annotated[
        Path | None,
        typer.Option("--turns", metavar="FILE", help="Who spoke when: RTTM, WebVTT or a JSON transcript."),
    ] = None,
    candidate: Who = None,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
) -> None:
    """Measure how far the sound is from the lips, moment by moment (positive: the sound is late)."""
    from inperson.synchrony import draw
    from inperson.synchrony import sync as measure

    require_other(json_out, file)
    if plot is not None and plot.exists() and os.path.samefile(plot, file):
        raise InputError(f"--plot {plot} would overwrite the recording; give it another name")
    with reading_bar() as progress:
        found = measure(
            file,
            turns=turns,
            candidate=candidate,
            audio_track=audio_track,
            face_backend=face_backend,
            progress=progress,
        )
    if json_out is not None:
        write(json_out, json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
    if json_out != "-":
        for part in _view(found):
            show(part)
    if plot is not None:
        draw(found, plot, file.name)
        say(f"picture written to {plot}")


def _view(found: Sync) -> list[RenderableType]:
    from rich.table import Table

    from inperson.render import clock

    table = Table(box=None, pad_edge=False)
    for name in ("from", "to", "offset ms", "95 % interval", "over chance", "speech s"):
        table.add_column(name, justify="right", no_wrap=True)
    for w in found.windows:
        interval = "" if w.low is None or w.high is None else f"{w.low:+.0f} to {w.high:+.0f}"
        offset = "not clear" if w.offset is None else f"{w.offset:+.0f}"
        table.add_row(clock(w.start), clock(w.end), offset, interval, f"{w.over_chance:.1f}", f"{w.speech:.1f}")
    lines = [_first(found)]
    if found.drift is not None:
        lines.append(f"drift {found.drift:+.1f} ms a minute")
    if found.interviewer_offset is not None:
        lines.append(f"the interviewer's own offset in this recording: {found.interviewer_offset:+.0f} ms")
    lines += [f"jump at {clock(j.time)}: from {j.before:+.0f} to {j.after:+.0f} ms" for j in found.jumps]
    for spans, what in (
        (found.parted, "mouth and voice part"),
        (found.still_mouth, "voice with a still mouth"),
        (found.silent_mouth, "moving mouth without a voice"),
    ):
        lines += [f"{what}: {clock(span.start)} to {clock(span.end)}" for span in spans]
    return ["\n".join(lines), *([table] if found.windows else [])]


def _first(found: Sync) -> str:
    if found.offset is None or found.low is None or found.high is None:
        return f"offset not told: {found.reason}"
    side = "late" if found.offset >= 0 else "early"
    return (
        f"offset {found.offset:+.0f} ms (95 % interval {found.low:+.0f} to {found.high:+.0f}): the sound is {side} "
        "relative to the lips"
    )
