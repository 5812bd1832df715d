"""How much of each recording the tracker covers: faces, landmarks, tracks, speed.

python training/faces/coverage.py FILE_OR_FOLDER... [--csv OUT]
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from inperson import media
from inperson.errors import InpersonError
from inperson.faces import FaceTracker

KINDS = {".mp4", ".webm", ".mov", ".mpg", ".mkv", ".avi"}


def measure(path: Path) -> dict[str, object]:
    """One row: frames, part of them with a face and with landmarks, tracks, processor milliseconds a frame."""
    tracker = FaceTracker()
    frames = faces = marked = 0
    spent: list[float] = []
    for chunk in media.chunks(path, audio=False):
        for frame in chunk.frames:
            start = time.process_time()
            done = tracker.update(frame)
            spent.append(time.process_time() - start)
            frames += 1
            faces += bool(done.faces)
            marked += any(face.landmarks is not None for face in done.faces)
    tracks = tracker.tracks()
    longest = max((t.duration for t in tracks), default=0.0)
    sides = [max(t.box[2] - t.box[0], t.box[3] - t.box[1]) for t in tracks]
    return {
        "file": path.name,
        "frames": frames,
        "face": round(faces / max(frames, 1), 3),
        "landmarks": round(marked / max(frames, 1), 3),
        "tracks": len(tracks),
        "longest_s": round(longest, 2),
        "face_px": round(float(np.median(sides or [0.0]))),
        "mesh_runs": tracker.mesh_runs,
        "detector_runs": tracker.detector_runs,
        "ms": round(1e3 * float(np.mean(spent)), 2) if spent else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    files = [f for p in arguments.paths for f in (sorted(p.iterdir()) if p.is_dir() else [p]) if f.suffix in KINDS]
    rows = []
    for path in files:
        try:
            rows.append(measure(path))
        except InpersonError as error:
            print(f"{path.name}: {error}")
            continue
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    frames = np.array([row["frames"] for row in rows], float)
    for key in ("face", "landmarks", "ms"):
        values = np.array([row[key] for row in rows], float)
        mean = values @ frames / frames.sum()
        print(f"{key}: mean over frames {mean:.4f}, lowest {values.min()}, highest {values.max()}")
    counts = np.array([row["tracks"] for row in rows])
    one, none, more = (counts == 1).sum(), (counts == 0).sum(), (counts > 1).sum()
    print(f"files {len(rows)}, with one track {one}, none {none}, more {more}")


if __name__ == "__main__":
    main()
