"""`face_swap`: swapped faces against genuine ones, in one encode where the collection has that.

    python training/protocols/face_swap.py DATA OUT [--portraits 100] [--split devtest|train]

DATA holds ``video/`` and ``faces/`` with their manifests. Writes

- OUT/manifest.csv: files with the genuine face left and the swapped one right. Either half is a row of the same file,
  so nothing but the face differs.
- OUT/pooled.csv: the same swaps and the single ones against every genuine clip. Size, codec and frame rate leak here.
- OUT/talking_heads.csv: generated heads against the same genuine clips: another attack, reported apart.
- OUT/all.csv: all of these, for the calibration.
- OUT/portraits.csv with OUT/portraits/: with ``--portraits``, that many people's portraits as short clips, genuine and
  swapped by simulation through one camera and encoder, of people whom the shipped model was not trained on (but whose
  faces may have been given to others).

Genuine clips that are openly licensed trained the model and are left out.
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import manifest
import numpy as np
import split

SIGNAL = "face_swap"
HELD = 0.12
"""Persons whose name hashes below this trained nothing (training/face_swap/train.py)."""
FRAMES, RATE = 48, 15
"""3.2 s: the detector needs five measurements, two a second."""
Row = dict[str, str]


def described(data: Path, row: Row, half: str) -> Row:
    """What all rows have."""
    return {
        "path": str(data / "video" / row["path"]),
        "signal": SIGNAL,
        "label": "spoof" if row["label"] == "fake" else "bonafide",
        "person": row["person_id"] or row["path"],
        "split": half,
        "kind": "genuine" if row["label"] == "real" else row["kind"],
        "generator": row["generator"],
        "source": row["source"],
        "licence_class": row["licence_class"],
    }


def panels(data: Path, row: Row, half: str) -> list[Row]:
    """Both halves of a side-by-side file."""
    out = []
    for side, crop in zip(("left", "right"), row["crops"].split(";"), strict=True):
        label, kind, generator, _ = (part.strip() for part in crop.split("|"))
        kind = "genuine" if label == "real" else kind
        own = row | {"label": label, "kind": kind, "generator": generator or "real"}
        out.append(described(data, own, half) | {"pair": row["path"], "candidate": side})
    return out


def manifests(data: Path, wanted: str) -> dict[str, list[Row]]:
    """``{name: rows}`` of what needs no derived media."""
    rows = manifest.read(data / "video" / "manifest.csv")
    halves = split.halves(rows)
    pairs = [panel for row in rows if row["label"] == "mixed" for panel in panels(data, row, halves[row["path"]])]
    single = [described(data, row, halves[row["path"]]) for row in rows if row["label"] != "mixed"]
    genuine = [row for row in single if row["label"] == "bonafide" and row["licence_class"] != "open"]
    swaps = [row for row in single if row["kind"] == "face_swap"]
    heads = [row for row in single if row["kind"] in ("talking_head", "avatar")]
    alone = [
        {name: cell for name, cell in row.items() if name != "source"} for row in pairs
    ]  # one source: compare by pair
    made = {"manifest": alone, "pooled": [*pairs, *swaps, *genuine], "talking_heads": [*heads, *genuine]}
    made["all"] = [*pairs, *swaps, *heads, *genuine]
    measured = (split.CALIBRATE, split.DEVTEST) if wanted == "devtest" else (split.TRAIN,)
    return {name: [row for row in kept if row["split"] in measured] for name, kept in made.items()}


def unseen(data: Path, wanted: str) -> list[Row]:
    """Openly licensed portraits that did (``train``) or did not train the shipped model."""
    rows = [row for row in manifest.read(data / "faces" / "manifest.csv") if row["licence_class"] == "open"]
    part = manifest.script("face_swap/people").part
    return [row for row in rows if (part(row["person_id"]) >= HELD) == (wanted == "train")]


def simulation() -> ModuleType:
    """training/face_swap/simulate.py, for longer clips."""
    module = manifest.script("face_swap/simulate")
    module.FRAMES = FRAMES
    return module


def portraits(data: Path, out: Path, count: int, wanted: str) -> list[Row]:
    """Write clips of `count` people, genuine and swapped; people in whom no face is found are passed over."""
    import cv2

    simulate = simulation()
    made: list[Row] = []
    for number, row in enumerate(unseen(data, wanted)):
        if len(made) == 2 * count:
            break
        image = cv2.cvtColor(cv2.imread(str(data / "faces" / row["path"])), cv2.COLOR_BGR2RGB)
        how = simulate.recipe(np.random.default_rng([1, number]))
        genuine = simulate._moving(image, how, np.random.default_rng([2, number]))
        swapped = simulate._swapped(genuine, np.random.default_rng([3, number])) if genuine else None
        if genuine is None or swapped is None:
            continue
        half = split.TRAIN if wanted == "train" else split.half(row["person_id"])
        for label, frames in (("bonafide", genuine), ("spoof", swapped)):
            path = out / "portraits" / f"{row['person_id']}_{label}.mp4"
            encode(path, frames, how.crf)
            made.append(
                {"path": str(path), "signal": SIGNAL, "label": label, "person": row["person_id"], "split": half}
                | {"kind": "genuine" if label == "bonafide" else "simulated swap", "pair": row["person_id"]}
                | {"face": "under 200 px" if how.face < 200 else "200 px and more", "beauty": str(int(how.smooth))}
            )
    return made


def encode(path: Path, frames: list[np.ndarray], crf: int) -> None:
    """H.264 at the clip's own quality, with the settings of training/face_swap/simulate.py."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency"}
        stream = container.add_stream("libx264", rate=Fraction(RATE), options=options)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=("devtest", "train"), default="devtest")
    parser.add_argument("--portraits", type=int, default=0, metavar="N", help="people to make simulated pairs of")
    options = parser.parse_args()
    began = time.monotonic()
    found = manifests(options.data, options.split)
    if options.portraits:
        found["portraits"] = portraits(options.data, options.out, options.portraits, options.split)
    if not any(found.values()):
        print("no video of this split is in the collection; --portraits makes some")
    for name, rows in found.items():
        if rows:
            manifest.write(options.out / f"{name}.csv", rows)
            print(f"{name}.csv\n{manifest.counts(rows, 'split', 'label', 'kind')}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
