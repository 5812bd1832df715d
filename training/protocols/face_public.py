"""`face_swap` on clips of public repositories: named in a table of the project, fetched by whoever measures.

    python training/collect_clones.py training/face_swap/measured_faces.csv --clones CLONES --out CLIPS
    python training/protocols/face_public.py CLIPS OUT [--newer]

Writes OUT/manifest.csv, a row for each clip, and OUT/panels with a file for each panel of the clips that show several
side by side, all of one clip encoded alike. Half of them, by person and repository, may fit a calibration (`split`;
`--newer` for the halves of `measured_swaps.csv`).
Labels and generators are the publishers' own; most clips are of people who released nothing, so they never train.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import manifest
import split

SIGNAL = "face_swap"
CRF = "14"
"""Finer than any of the clips was encoded with."""
Box = tuple[int, int, int, int]
Row = dict[str, str]


def described(path: Path, clip: Row, half: str, label: str, kind: str, generator: str) -> Row:
    return {
        "path": str(path),
        "signal": SIGNAL,
        "label": "bonafide" if label == "real" else "spoof",
        "person": clip["person"],
        "split": half,
        "kind": "genuine" if label == "real" else kind,
        "generator": generator or "real",
        "source": clip["repo"],
        "pair": clip["pair"] or clip["path"],
    }


def panels(clip: Row) -> list[tuple[str, str, str, Box]]:
    """Label, kind, generator and place (x, y, width, height) of each panel."""
    out = []
    for text in clip["crops"].split(";"):
        label, kind, generator, place = (part.strip() for part in text.split("|"))
        width, height, x, y = (int(number) for number in place.split(":"))
        out.append((label, kind, generator, (x, y, width, height)))
    return out


def cut(source: Path, target: Path, box: Box) -> None:
    """One panel as a file of its own; times stay as they are, sound is left out."""
    x, y, width, height = box
    width, height = width // 2 * 2, height // 2 * 2
    with av.open(str(source)) as found, av.open(str(target), "w") as made:
        film = found.streams.video[0]
        stream = made.add_stream("libx264", rate=film.average_rate, options={"crf": CRF, "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = film.time_base
        for frame in found.decode(film):
            image = frame.to_ndarray(format="rgb24")[y : y + height, x : x + width]
            part = av.VideoFrame.from_ndarray(image, format="rgb24")
            part.pts, part.time_base = frame.pts, frame.time_base
            made.mux(stream.encode(part))
        made.mux(stream.encode(None))


def rows(clips: Path, out: Path, salt: str = split.SALT) -> list[Row]:
    made: list[Row] = []
    found = manifest.read(clips / "manifest.csv")
    halves = split.halves([clip | {"person_id": clip["person"], "source": clip["repo"]} for clip in found], salt)
    for clip in found:
        path, half = clips / clip["path"], halves[clip["path"]]
        if clip["label"] != "mixed":
            made.append(described(path, clip, half, clip["label"], clip["kind"], clip["generator"]))
            continue
        (out / "panels").mkdir(parents=True, exist_ok=True)
        for number, (label, kind, generator, box) in enumerate(panels(clip)):
            target = out / "panels" / f"{path.stem}.{number}.mp4"
            cut(path, target, box)
            made.append(described(target, clip, half, label, kind, generator))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--newer", action="store_true", help="the halves of measured_swaps.csv")
    options = parser.parse_args()
    found = rows(options.clips, options.out, split.NEWER if options.newer else split.SALT)
    manifest.write(options.out / "manifest.csv", found)
    print(manifest.counts(found, "split", "label", "kind"))


if __name__ == "__main__":
    main()
