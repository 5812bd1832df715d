"""Sound for derived recordings: read, trimmed to speech, levelled, with the same faint noise under both classes."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from inperson.media import samples
from inperson.voice_activity import VoiceActivity, speech_spans

RATE = 16000
Sound = NDArray[np.float32]
LEVEL_DB = -26.0
"""dB below full scale of the speech's 90th percentile of power (20 ms frames): ITU-T P.56 tests use -26 dBov."""
NOISE_DB = -66.0
"""dB below full scale of the noise that fills exact zeros: 40 dB under the speech, 16 steps of 16 bits."""


def load(path: Path) -> Sound:
    """A file's sound as 16 kHz mono on the recording's clock; empty without sound."""
    with samples(path) as reader:
        parts = [chunk.audio for chunk in reader]
    return np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float32)


def trimmed(sound: Sound) -> Sound:
    """From the first to the last moment of speech, by voice activity; empty where nobody speaks."""
    activity = VoiceActivity()
    spans = speech_spans(np.concatenate([activity.update(sound), activity.finish()]))
    if not spans:
        return sound[:0]
    return sound[round(spans[0].start * RATE) : round(spans[-1].end * RATE)]


def levelled(sound: Sound, level_db: float = LEVEL_DB) -> Sound:
    """Scaled so that its loud frames have `level_db`; peaks beyond full scale are rounded off, silence stays."""
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    loud = float(np.percentile(np.square(frames, dtype=np.float64).mean(axis=1), 90)) if len(frames) else 0.0
    if loud <= 0:
        return sound
    out = sound * (10 ** (level_db / 20) / np.sqrt(loud))
    return np.where(np.abs(out) > 0.9, np.sign(out) * (0.9 + 0.1 * np.tanh((np.abs(out) - 0.9) / 0.1)), out).astype(
        np.float32
    )


def faded(sound: Sound, seconds: float = 0.02) -> Sound:
    """With raised-cosine edges, so that a cut is no click."""
    n = min(round(seconds * RATE), len(sound) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)
    out = sound.copy()
    out[:n] *= ramp
    out[len(out) - n :] *= ramp[::-1]
    return out


def noise(count: int, rng: np.random.Generator, level_db: float = NOISE_DB) -> Sound:
    """White noise of that level."""
    return (rng.standard_normal(count) * 10 ** (level_db / 20)).astype(np.float32)


def low_passed(sound: Sound, edge: float = 7000.0) -> Sound:
    """Without what lies above `edge` Hz: where it stops between there and 8 kHz tells a file's old sampling rate."""
    from scipy import signal

    taps = signal.firwin(255, edge, fs=RATE).astype(np.float32)
    return np.asarray(signal.fftconvolve(np.pad(sound, 127), taps, mode="valid"), np.float32)


def write(path: Path, sound: NDArray[np.float32], codec: str = "pcm_s16le") -> None:
    """16 bits at 16 kHz: (n,) as mono, (n, 2) as stereo. WAV, or FLAC with ``codec="flac"``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = sound.shape[1] if sound.ndim == 2 else 1
    whole = np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16).reshape(1, -1)
    layout = "stereo" if channels == 2 else "mono"
    with av.open(str(path), "w", format="flac" if codec == "flac" else "wav") as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        for start in range(0, whole.shape[1], 4096 * channels):
            block = np.ascontiguousarray(whole[:, start : start + 4096 * channels])
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            frame.sample_rate, frame.pts = RATE, start // channels
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
