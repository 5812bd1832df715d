"""``inperson degrade``: what calls do to a recording, done on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inperson._console import reading_bar, say, show
from inperson.cli.guard import guarded
from inperson.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table


@guarded
def degrade(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The recording.")] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="What it goes through; --list names them all.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="OUT", help="The degraded recording; its suffix must fit the preset."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed draws other noise and losses.")] = 0,
    listing: Annotated[bool, typer.Option("--list", help="Show the presets and leave.")] = False,
) -> None:
    """Write a recording as a call would deliver it: codecs, rooms, lost packets, small pictures, layouts."""
    if listing:
        show(_table())
        return
    if file is None or preset is None or out is None:
        raise InputError("name a recording, --preset and --out; or --list for the presets")
    from inperson import degradation

    with reading_bar() as progress:
        degradation.degrade(file, out, preset, seed=seed, progress=progress)
    say(f"{out} written: {degradation.PRESETS[preset].reads_as}")


def _table() -> Table:
    from rich.table import Table

    from inperson.degradation import PRESETS

    table = Table("preset", "writes", "what it does", box=None, pad_edge=False)
    for preset in PRESETS.values():
        table.add_row(preset.name, f"{preset.suffix(True)} {preset.suffix(False)}", preset.description)
    return table
