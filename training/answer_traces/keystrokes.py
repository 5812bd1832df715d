"""Take single keystrokes out of local clones of two public repositories, as 16 kHz WAV files, one folder a keyboard.

    python keystrokes.py CLONES KEYS

CLONES holds ``RoyalDonkey/put-kbd-thesis-datasets`` (GPL-3.0: five keyboards recorded in a room, with the time of every
stroke) and ``hainguyents13/mechvibes`` (MIT: sound packs of keyboards), each a git directory named owner+name/repo or
owner/name. For measuring alone: nothing of them is part of the project.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16000
ROOM, PACKS = "RoyalDonkey/put-kbd-thesis-datasets", "hainguyents13/mechvibes"
BEFORE, LENGTH = 0.12, 0.40
"""Seconds kept before a stroke's noted time, and in all: the press, its release mostly, and some of the room."""
MOST = 140
"""Strokes of a keyboard."""


class Clone:
    """The newest state of a repository on disk."""

    def __init__(self, clones: Path, name: str) -> None:
        places = (clones / name.replace("/", "+") / "repo", clones / name / ".git", clones / name)
        self._place = next((place for place in places if place.is_dir()), None)
        if self._place is None:
            raise SystemExit(f"no clone of {name} in {clones}: expected one of {[str(place) for place in places]}")

    def files(self) -> list[str]:
        return self._git("ls-tree", "-r", "-z", "--name-only", "HEAD").decode().split("\0")[:-1]

    def read(self, path: str) -> bytes:
        """Its content; empty where the clone lacks it."""
        return self._git("show", f"HEAD:{path}")

    def _git(self, *words: str) -> bytes:
        return subprocess.run(["git", "-C", str(self._place), *words], capture_output=True, check=False).stdout


def decoded(content: bytes) -> NDArray[np.float32]:
    """Mono at 16 kHz."""
    parts = []
    with av.open(io.BytesIO(content)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        for frame in [*container.decode(audio=0), None]:
            parts += [made.to_ndarray()[0] for made in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


def from_room(clone: Clone) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for path in clone.files():
        if not path.endswith(".keys") or "/test_" not in path:
            continue
        content = clone.read(path.removesuffix(".keys") + ".wav")
        if not content:
            continue
        sound = decoded(content)
        for line in clone.read(path).decode().splitlines():
            start = round((float(line.split()[0]) - BEFORE) * RATE)
            stroke = sound[max(start, 0) : start + round(LENGTH * RATE)]
            if start >= 0 and len(stroke) == round(LENGTH * RATE):
                yield "room-" + path.split("/")[0], stroke


def from_packs(clone: Clone) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for path in clone.files():
        if not (path.startswith("src/audio/") and path.endswith("/config.json")):
            continue
        config = json.loads(clone.read(path))
        content = clone.read(f"{path.removesuffix('/config.json')}/{config.get('sound', '')}")
        if config.get("key_define_type") != "single" or not content:
            continue
        sound = decoded(content)
        for place in filter(None, config["defines"].values()):
            start, length = (round(milliseconds * RATE / 1000) for milliseconds in place)
            yield "pack-" + path.split("/")[2], sound[start : start + length]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    counts: dict[str, int] = {}
    for keyboard, stroke in [*from_room(Clone(args.clones, ROOM)), *from_packs(Clone(args.clones, PACKS))]:
        number = counts.get(keyboard, 0)
        if number < MOST and len(stroke) > RATE // 50:
            counts[keyboard] = number + 1
            (args.out / keyboard).mkdir(parents=True, exist_ok=True)
            write(args.out / keyboard / f"{number:03d}.wav", stroke)
    print("\n".join(f"{name} {count}" for name, count in sorted(counts.items())))


def write(path: Path, sound: NDArray[np.float32]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((np.clip(sound, -1, 1) * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


if __name__ == "__main__":
    main()
