"""Does the reported offset follow the sound? Constant shifts of genuine clips with 6 s of speech or more.

    python training/lip_sync/shift_test.py CLIPS DATA

Each clip is measured with weights fitted on other sources. Its own offset is unknown: the change against the unshifted
clip is what counts. A shift without a reported offset counts as an error of the whole shift.

With ``--whole`` the files themselves are remuxed with shifted sound and go through `inperson.analyze`, with the weights
that are shipped (which knew the clips of the sources the card names).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from regression import Clip, load, rows
from replay import held_apart, measure

import inperson

SHIFTS = (-0.4, -0.3, -0.2, -0.1, 0.1, 0.2, 0.3, 0.4)


def remuxed(path: Path, shift: float, out: Path) -> None:
    """Copy a recording's packets, the sound `shift` seconds later (or, for a negative shift, the picture later)."""
    with av.open(str(path)) as source, av.open(str(out), "w", format="matroska") as target:
        chosen = [source.streams.video[0], source.streams.audio[0]]
        copies = {stream.index: target.add_stream_from_template(stream) for stream in chosen}
        later = {chosen[0].index: max(0.0, -shift), chosen[1].index: max(0.0, shift)}
        for packet in source.demux(chosen):
            if packet.dts is None:
                continue
            moved = round(later[packet.stream.index] / packet.time_base)
            packet.pts, packet.dts = (packet.pts or packet.dts) + moved, packet.dts + moved
            packet.stream = copies[packet.stream.index]
            target.mux(packet)


def by_file(path: Path, folder: Path) -> Callable[[float], float | None]:
    def offset(shift: float) -> float | None:
        file = folder / "shifted.mkv"
        remuxed(path, shift, file)
        found = inperson.analyze(file, signals=["lip_sync"]).finding("lip_sync").measurements.get("offset")
        return None if found is None else found.value

    return offset


def by_clip(clip: Clip, weights: np.ndarray) -> Callable[[float], float | None]:
    def offset(shift: float) -> float | None:
        found = measure(clip, clip, weights, shift).measurements.get("offset")
        return None if found is None else found.value

    return offset


def changes(name: str, offset: Callable[[float], float | None]) -> list[float]:
    """Error of the change in ms for each of `SHIFTS`."""
    offsets = [offset(shift) for shift in (0.0, *SHIFTS)]
    print(f"{name[:44]:44s} own and shifted (ms): " + " ".join("   -" if o is None else f"{o:4.0f}" for o in offsets))
    own = offsets[0]
    return [
        -1000 * shift if own is None or there is None else there - own - 1000 * shift
        for shift, there in zip(SHIFTS, offsets[1:], strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, help="folder written by data.py")
    parser.add_argument("data", type=Path, help="folder with video/ and talking/")
    parser.add_argument("--seconds", type=float, default=6.0, help="least length of a clip")
    parser.add_argument(
        "--measured", type=Path, help="folder of another condition to measure; weights stay as they are"
    )
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args()
    clips = [clip for clip in load(args.clips, args.data) if clip.genuine]
    measured = [clip for clip in load(args.measured, args.data) if clip.genuine] if args.measured else clips
    paths = {path.stem[:80]: path for path, _ in rows(args.data)}
    weights = held_apart(clips)
    with tempfile.TemporaryDirectory() as folder:
        errors = np.array(
            [
                changes(
                    clip.name,
                    by_file(paths[clip.name], Path(folder)) if args.whole else by_clip(clip, weights[clip.source]),
                )
                for clip in measured
                if len(clip.mel) / 50 >= args.seconds
            ]
        )
    print("shift (ms)   median error   median |error|   worst |error|   right sign")
    for shift, e in zip(SHIFTS, errors.T, strict=True):
        right = np.mean(np.sign(e + 1000 * shift) == np.sign(shift))
        middle, worst = np.median(abs(e)), abs(e).max()
        print(f"{1000 * shift:+10.0f} {np.median(e):14.0f} {middle:16.0f} {worst:15.0f} {right:12.2f}")
    middle, most = np.percentile(abs(errors), [50, 95])
    print(f"all: {errors.size} measurements, median |error| {middle:.0f} ms, 95 % within {most:.0f} ms")


if __name__ == "__main__":
    main()
