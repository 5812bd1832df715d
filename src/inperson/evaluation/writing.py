"""The files of an evaluation: ``evaluation.json``, ``report.md``, ``scores.csv`` and ``plots/``.

Each is replaced at once or not at all. Given the same rows and document they are the same bytes, ``runtime`` and the
seconds in ``scores.csv`` apart.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inperson.evaluation.rows import Row

JSON, REPORT, SCORES, PLOTS = "evaluation.json", "report.md", "scores.csv", "plots"
_FIGURE = re.compile(r'\{\s+"high": (\S+),\s+"low": (\S+),\s+"value": (\S+)\s+\}')
_FIXED = (
    *("path", "signal", "label", "person", "condition", "status", "score", "llr", "confidence", "p_value", "quality"),
    *("seconds", "reason"),
)


def write(document: dict[str, Any], rows: Sequence[Row], folder: Path) -> None:
    """Write all files of an evaluation into an existing folder.

    Parameters
    ----------
    document : dict
        As `inperson.evaluation.document.documented` returns it; or what `inperson.evaluation.figures.summarise`
        returns, with a ``schema``, rounded: what it lacks is left out of the report.
    rows : sequence of Row
        What the figures were made of.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    from inperson._console import write as replace
    from inperson.evaluation.markdown import report
    from inperson.evaluation.plots import draw

    plots = draw(rows, folder / PLOTS, document.get("options", {}).get("prior", 0.5))
    replace(str(folder / SCORES), scores(rows))
    replace(
        str(folder / REPORT),
        report(document, {signal: [f"{PLOTS}/{name}" for name in names] for signal, names in plots.items()}),
    )
    replace(str(folder / JSON), to_json(document))


def to_json(document: dict[str, Any]) -> str:
    """The document as text: sorted keys, ASCII, a figure a line, one form for one content."""
    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return _FIGURE.sub(r'{"high": \1, "low": \2, "value": \3}', text) + "\n"


def scores(rows: Sequence[Row]) -> str:
    """One CSV line a row, for other scripts. A manifest's column with a name of ours becomes ``column_<name>``."""
    names = list(dict.fromkeys(name for row in rows for name in row.columns))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FIXED, *(f"column_{name}" if name in _FIXED else name for name in names)])
    for row in rows:
        writer.writerow([_cell(row, name) for name in _FIXED] + [row.columns.get(name, "") for name in names])
    return text.getvalue().encode("utf-8", "backslashreplace").decode()


def _cell(row: Row, name: str) -> str:
    if name == "person":
        return row.group.removeprefix("person ") if row.group.startswith("person ") else ""
    if name == "label":
        return ("bonafide", "spoof")[row.label]
    value = getattr(row, name)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else " ".join(str(value).split()) if name == "reason" else str(value)
