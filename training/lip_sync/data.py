"""Keep of every shared talking video what `lip_sync` keeps of it: the main face's mouth and the sound's spectra.

    python training/lip_sync/data.py DATA --out CLIPS [--condition webcam]

Conditions: clean; small (360 pixels high); webcam (240 pixels high, dark, sensor noise, JPEG, 15 frames a second, voice
20 dB above pink noise); noisy (voice 10 dB above pink noise).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from regression import rows

from inperson.detectors._lip_features import MelStream, MouthSeries
from inperson.faces import FaceTracker
from inperson.media import Reader
from inperson.types import Frame, Span
from inperson.voice_activity import VoiceActivity, speech_spans

HEIGHT = {"small": 360, "webcam": 240}
SNR = {"webcam": 20.0, "noisy": 10.0}
LONG = 4.5
"""Seconds; shorter clips are not used to measure, so their poor versions are not needed."""
CONDITIONS = ("clean", "small", "webcam", "noisy")


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


def read(path: Path, condition: str = "clean") -> dict[str, np.ndarray] | None:
    """Mouth times and values, spectra and speech spans of a recording; None if it shows no face."""
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
    if not mouths:
        return None
    if condition in SNR:
        level = np.percentile(np.abs(sound), 95) / 2
        sound = sound + level * 10 ** (-SNR[condition] / 20) * pink(len(sound), np.random.default_rng(1))
    sound = sound.astype(np.float32)
    mel = MelStream()
    mel.push(sound)
    times, values = max(mouths.values(), key=lambda series: len(series.times)).arrays()
    spans = np.array([(span.start, span.end) for span in spoken(sound)]).reshape(-1, 2)
    return {"times": times, "values": values, "mel": mel.finish(), "spans": spans}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with video/ and talking/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--condition", choices=CONDITIONS, default="clean")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for path, row in rows(args.data):
        stored = args.out / f"{path.stem[:80]}.npz"
        measured = row["label"] == "real" and float(row.get("duration_s", 0)) >= LONG
        if stored.exists() or (args.condition != "clean" and not measured):
            continue
        kept = read(path, args.condition)
        if kept is None:
            print(f"{path.name}: no face")
            continue
        np.savez(stored, **kept)
        print(f"{path.name}: {len(kept['times'])} frames, {len(kept['mel']) / 50:.1f} s", flush=True)


if __name__ == "__main__":
    main()
