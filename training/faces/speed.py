"""Milliseconds of the face networks and of the tracker, on one core.

    python training/faces/speed.py VIDEO [--core N]

The fastest and the median run are given: on a machine that does other work too, the fastest is nearer the truth.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inperson import media
from inperson.faces import FaceTracker
from inperson.faces.detector import FaceDetector, Tile
from inperson.faces.mesh import FaceMesh, region_of


def timed(name: str, call: Callable[[], object], times: int = 200) -> None:
    for _ in range(20):
        call()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(1e3 * (time.perf_counter() - start))
    print(f"{name}: fastest {min(spent):.2f} ms, median {np.median(spent):.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.core})
    frames = []
    for chunk in media.chunks(arguments.video, audio=False):
        frames += [frame for frame in chunk.frames if frame.image is not None]
        if len(frames) >= 150:
            break
    tracker, spent = FaceTracker(), []
    for frame in frames:
        start = time.process_time()
        done = tracker.update(frame)
        spent.append(1e3 * (time.process_time() - start))
    image, landmarks = frames[-1].image, next(f.landmarks for f in done.faces if f.landmarks is not None)
    assert image is not None
    mesh, detector, region = FaceMesh(), FaceDetector(), region_of(landmarks)
    timed("mesh, region cut included", lambda: mesh(image, region))
    timed("detector, resize included", lambda: detector(image, Tile(0, 0, max(image.shape[:2]))))
    low, middle, mean = np.percentile(spent, 10), np.median(spent), np.mean(spent)
    print(
        f"tracker, {len(done.faces)} faces, {image.shape[1]}x{image.shape[0]}: processor ms a frame "
        f"10 % {low:.2f}, median {middle:.2f}, mean {mean:.2f}; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
