"""Which recordings may fit a calibration, and which only measure: halves by person, source and generator.

The calibrations of `lip_sync`, `face_swap` and `reading` and their measurement share few video clips: they are fitted
on one half and measured on the other. What shares a person, a source or a generator is one
unit and is never cut; the half is a hash of the unit's name. One source (DeepFaceLive's demonstrations) holds nearly
all swaps of the collection, so there a unit is what shares a person or a generator (one model a face), not the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

CALIBRATE, DEVTEST, TRAIN = "calibrate", "devtest", "train"
SALT, NEWER = "1434", "2976"
"""The one of 3000 that shares pairs, swaps and talking persons most evenly: units are few and of unequal size. Chosen
by those numbers alone, before anything was scored with it. `NEWER` does so for the clips of `measured_swaps.csv`, of
which the other leaves most swaps on one side; 0.3.1 had scored all of them by then."""
DIVIDED = ("deepfacelive", "mudouble/FaceForensics-Detection_Website")
"""Sources whose units are persons and generators."""


def half(unit: str, salt: str = SALT) -> str:
    """The half of one unit."""
    return (CALIBRATE, DEVTEST)[hashlib.sha256(f"{salt}/{unit}".encode()).digest()[0] & 1]


def keys(row: Mapping[str, str]) -> set[str]:
    """What this row must share its half with. `row` is of the shared video manifest."""
    found = {f"person {row['person_id']}"} if row["person_id"] else set()
    if row["source"] not in DIVIDED:
        return found | {f"source {row['source'].removesuffix('_src')}"}
    parts = [row["generator"], *row["crops"].replace(";", "|").split("|")]
    return found | {f"generator {part.strip()}" for part in parts if "DFM:" in part}


def halves(rows: Iterable[Mapping[str, str]], salt: str = SALT) -> dict[str, str]:
    """``{path: half}`` of the shared video manifest's rows: connected rows share a half, drawn with `salt`.

    The unit's name is its first key in alphabetical order, so a row that joins no others moves nobody.
    """
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            key = parent[key]
        return key

    rows = list(rows)
    for row in rows:
        first, *rest = sorted(keys(row) or {f"path {row['path']}"})
        for key in rest:
            a, b = sorted((root(first), root(key)))
            parent[b] = a
    return {row["path"]: half(root(min(keys(row) or {f"path {row['path']}"})), salt) for row in rows}
