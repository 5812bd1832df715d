"""Keep of talking videos what `lip_sync` keeps of them: the main face's mouth and the sound's spectra.

    python training/lip_sync/data.py FOLDER --out CLIPS [--condition webcam]

FOLDER holds recordings and ``manifest.csv`` with at least the columns path and person (or person_id). One .npz each.
Conditions: clean; small (360 pixels high); webcam (240 pixels high, dark, sensor noise, JPEG, 15 frames a second, voice
20 dB above pink noise); noisy (voice 10 dB above pink noise).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from inperson.errors import InpersonError
from inperson.faces import FaceTracker
from inperson.lips.mouth import RATE, MouthSeries
from inperson.lips.sound import MelStream
from inperson.media import Reader
from inperson.types import Frame, Span
from inperson.voice_activity import VoiceActivity, speech_spans

HEIGHT = {"small": 360, "webcam": 240}
SNR = {"webcam": 20.0, "noisy": 10.0}
CONDITIONS = ("clean", "small", "webcam", "noisy")
Row = Mapping[str, str]


@dataclass(frozen=True)
class Clip:
    """One stored recording: mouth at its frames' times, spectra on the grid, where somebody speaks."""

    name: str
    person: str
    row: Row
    times: np.ndarray
    shapes: np.ndarray
    heads: np.ndarray
    mel: np.ndarray
    spans: tuple[Span, ...]

    @property
    def spoken(self) -> float:
        """Seconds of speech."""
        return sum(span.duration for span in self.spans)


class Camera:
    """Degrades pictures as a poor camera and a poor line would."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        self._rng = np.random.default_rng(0)
        self._next = -1.0

    def drops(self, frame: Frame) -> bool:
        """Whether a camera of 15 frames a second would not have taken this frame."""
        if self.condition != "webcam":
            return False
        if frame.time < self._next - 1e-3:
            return True
        self._next = max(self._next, frame.time) + 1 / 15
        return False

    def __call__(self, frame: Frame) -> Frame:
        height = HEIGHT.get(self.condition)
        if height is None or frame.image is None:
            return frame
        image = frame.image
        factor = height / min(image.shape[:2])
        if factor < 1:
            image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        if self.condition == "webcam":
            noisy = 0.35 * image + self._rng.normal(0, 5, image.shape)
            quality = [cv2.IMWRITE_JPEG_QUALITY, 45]
            image = cv2.imdecode(
                cv2.imencode(".jpg", noisy.clip(0, 255).astype(np.uint8), quality)[1], cv2.IMREAD_COLOR
            )
        return replace(frame, image=image, size=(image.shape[1], image.shape[0]))


def pink(n: int, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 1))
    noise = np.fft.irfft(spectrum, n)
    return noise / noise.std()


def spoken(sound: np.ndarray) -> tuple[Span, ...]:
    """Where someone speaks, pauses under half a second included."""
    activity = VoiceActivity()
    return speech_spans(np.concatenate([activity.update(sound), activity.finish()]), min_silence=0.5)


def read(path: Path, condition: str = "clean", beside: Path | None = None) -> dict[str, np.ndarray] | None:
    """Mouth, spectra and speech spans of a recording, its sound from the file `beside` it if given.

    None if it shows no face in ten frames.
    """
    camera, tracker = Camera(condition), FaceTracker()
    mouths: dict[int, MouthSeries] = {}

    def see(frame: Frame) -> Frame:
        if not camera.drops(frame):
            for face in tracker.update(camera(frame)).faces:
                if face.landmarks is not None:
                    mouths.setdefault(face.track, MouthSeries()).add(frame.time, face.landmarks)
        return replace(frame, image=None)

    with Reader(path, each_frame=see) as reader:
        sound = np.concatenate([chunk.audio for chunk in reader])
    if beside is not None:
        with Reader(beside) as reader:
            sound = np.concatenate([chunk.audio for chunk in reader])
    times, shapes, heads = max((one.arrays() for one in mouths.values()), key=lambda one: len(one[0]), default=[[]] * 3)
    if len(times) < 10:
        return None
    if condition in SNR:
        level = np.percentile(np.abs(sound), 95) / 2
        sound = sound + level * 10 ** (-SNR[condition] / 20) * pink(len(sound), np.random.default_rng(1))
    sound = sound.astype(np.float32)
    mel = MelStream()
    mel.push(sound)
    spans = np.array([(span.start, span.end) for span in spoken(sound)]).reshape(-1, 2)
    return {"times": times, "shapes": shapes, "heads": heads, "mel": mel.finish(), "spans": spans}


def rows(folder: Path) -> Iterable[tuple[Path, dict[str, str]]]:
    """Every recording with sound that is named in the folder's manifest."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("has_audio", "1") == "1" and "|" not in row.get("crops", ""):
                yield folder / row["path"], row


def load(stored: Path, folder: Path) -> list[Clip]:
    """The clips that this script has written to `stored` of the recordings in `folder`."""
    found = []
    for path, row in rows(folder):
        place = stored / f"{path.stem[:80]}.npz"
        if place.exists():
            with np.load(place) as file:
                spans = tuple(Span(float(a), float(b)) for a, b in file["spans"])
                parts = [file[name] for name in ("times", "shapes", "heads", "mel")]
            person = row.get("person") or row.get("person_id") or path.stem
            found.append(Clip(path.stem[:80], person, row, *parts, spans))
    return found


def on_grid(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """The mouth's shape at each grid point by linear interpolation, and the frames before each (n,)."""
    grid = np.arange(len(clip.mel)) / RATE
    after = np.clip(np.searchsorted(clip.times, grid), 1, len(clip.times) - 1)
    part = np.clip((grid - clip.times[after - 1]) / (clip.times[after] - clip.times[after - 1]), 0, 1)[:, None]
    return clip.shapes[after - 1] * (1 - part) + clip.shapes[after] * part, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--condition", choices=CONDITIONS, default="clean")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for path, row in rows(args.folder):
        stored = args.out / f"{path.stem[:80]}.npz"
        if stored.exists():
            continue
        try:
            kept = read(path, args.condition, args.folder / row["sound"] if row.get("sound") else None)
        except InpersonError as error:
            print(f"{path.name}: {error}")
            continue
        if kept is None:
            print(f"{path.name}: no face")
            continue
        np.savez(stored, **kept)
        print(f"{path.name}: {len(kept['times'])} frames, {len(kept['mel']) / RATE:.1f} s", flush=True)


if __name__ == "__main__":
    main()
