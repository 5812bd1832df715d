"""Does the reported offset follow the sound? Whole files, remuxed with shifted sound, through `inperson.sync`.

    python training/lip_sync/shift_test.py FILE... [--step 100] [--most 500]

A recording's own offset is not known: it is measured once unshifted, and the change against it is what counts. A shift
without a reported offset counts as an error of the whole shift.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av
import numpy as np

import inperson


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


def errors(path: Path, shifts: np.ndarray, folder: Path) -> list[float]:
    """Error in ms of the change of the offset for each of `shifts` (ms); empty where the file itself has no offset."""
    own = inperson.sync(path).offset
    if own is None:
        print(f"{path.name[:50]}: no offset")
        return []
    found = []
    for shift in shifts:
        copy = folder / "shifted.mkv"
        remuxed(path, shift / 1000, copy)
        offset = inperson.sync(copy).offset
        found.append(float(-shift if offset is None else offset - own - shift))
    print(f"{path.name[:50]:50s} own {own:+4.0f} ms, errors " + " ".join(f"{e:+.0f}" for e in found), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--step", type=int, default=100, help="ms")
    parser.add_argument("--most", type=int, default=500, help="ms")
    args = parser.parse_args()
    shifts = np.array([s for s in range(-args.most, args.most + 1, args.step) if s])
    with tempfile.TemporaryDirectory() as folder:
        every = np.abs([e for path in args.files for e in errors(path, shifts, Path(folder))])
    if every.size:
        middle, most = np.percentile(every, [50, 95])
        print(f"{every.size} shifts: median |error| {middle:.0f} ms, 95 % within {most:.0f} ms")


if __name__ == "__main__":
    main()
