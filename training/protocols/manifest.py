"""Write the manifest that `inperson evaluate` reads, and load scripts that lie beside this folder."""

from __future__ import annotations

import csv
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

FIRST = ("path", "signal", "label", "person", "split")
LAST = ("candidate", "turns")
PATHS = ("path", "turns")


def write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Rows as CSV, every column that any row has, an empty cell where a row has not.

    Files under the manifest's folder are named relative to it, so that the folder can be moved; others absolutely.
    """
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    order = [n for n in FIRST if n in names] + [n for n in names if n not in FIRST + LAST]
    order += [n for n in LAST if n in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, order, restval="", lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({n: _shown(path.parent, v) if n in PATHS and v else v for n, v in row.items()})


def _shown(folder: Path, name: str) -> str:
    full = Path(name).resolve()
    return os.path.relpath(full, folder.resolve()) if full.is_relative_to(folder.resolve()) else str(full)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counts(rows: Sequence[Mapping[str, str]], *columns: str) -> str:
    """How many rows there are of each combination, one line each, to print."""
    found = Counter(tuple(row.get(name, "") or "-" for name in columns) for row in rows)
    return "\n".join(f"  {n:4d}  {'  '.join(key)}" for key, n in sorted(found.items()))


def one_turn(path: Path, seconds: float, speaker: str) -> Path:
    """Write an RTTM file in which `speaker` has the word from end to end."""
    line = f"SPEAKER {path.stem} 1 0.000 {seconds:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
    path.write_text(line, encoding="utf-8")
    return path


def script(name: str) -> ModuleType:
    """Another training script by its path under ``training/``, without the suffix: ``"face_swap/simulate"``.

    Several folders have scripts of one name, so they are loaded under a name of their own.
    """
    own = "training_" + name.replace("/", "_")
    if own not in sys.modules:
        spec = importlib.util.spec_from_file_location(own, Path(__file__).parents[1] / f"{name}.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(f"training script {name!r}")
        sys.modules[own] = module = importlib.util.module_from_spec(spec)  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules[own]
