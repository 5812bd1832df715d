"""``inperson bench`` and ``inperson schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from inperson._console import require_other, show, write
from inperson.cli.guard import guarded
from inperson.cli.options import Asr, AsrLanguage, FaceBackend, JsonOut, Signals, names, recogniser


@guarded
def bench(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    json_out: JsonOut = None,
    signals: Signals = None,
    face_backend: FaceBackend = "onnx",
    asr: Asr = None,
    asr_language: AsrLanguage = None,
) -> None:
    """Time an analysis, stage by stage, against merely decoding the same file in the same run."""
    from inperson.bench import bench as measure

    require_other(json_out, file)
    result = measure(file, signals=names(signals), face_backend=face_backend, asr=recogniser(asr, asr_language))
    if json_out is not None:
        write(json_out, json.dumps(result.to_dict(), indent=2) + "\n")
    if json_out != "-":
        from inperson.render import bench_table

        show(bench_table(result))


@guarded
def schema() -> None:
    """Print the JSON Schema of the report."""
    from inperson.report import json_schema

    write("-", json.dumps(json_schema(), indent=2) + "\n")
