"""Speaker embeddings: a unit vector per 1.6 s of speech that is close for one voice and further for two.

The network is Resemblyzer 0.1.4's encoder (Apache-2.0): 40 mel power bands, 25 ms window, 10 ms step at 16 kHz. The
bands are librosa's defaults (Slaney scale and norm, frames centred, zero-padded at the ends), computed here without
importing librosa, which takes longer than embedding a minute of speech. `tests/test_speech.py` holds them to the
original.
"""

from __future__ import annotations

import functools

import numpy as np

from inperson import models
from inperson.types import Floats

MODEL = "speaker_embedding-1.0.0"
RATE = 16000
STEP = 160
WINDOW = 400
MELS = 40
FRAMES = 160
LEVEL = 10 ** (-21 / 10)
"""Mean square that the speech of every window is scaled to. Resemblyzer only lifts quiet files to -30 dBFS; of -33 to
-10 dBFS for every window, -24 to -20 told voices of one page apart best (training/speech/README.md)."""


class MelFrames:
    """Mel power frames of one stream of samples, in pieces of any length; frame i is centred at sample ``160 i``."""

    def __init__(self) -> None:
        self._buffer = np.zeros(WINDOW // 2, np.float32)

    def update(self, samples: Floats) -> tuple[Floats, Floats]:
        """Take in the next samples, (n,) at 16 kHz.

        Returns
        -------
        mel : (m, 40) float32
            Mel power of every frame completed; m may be 0.
        power : (m,) float32
            Mean square of each frame under its window.
        """
        buffer = np.concatenate([self._buffer, samples])
        count = max(0, (len(buffer) - WINDOW) // STEP + 1)
        self._buffer = buffer[count * STEP :]
        if count == 0:
            return np.zeros((0, MELS), np.float32), np.zeros(0, np.float32)
        return _mel(np.lib.stride_tricks.sliding_window_view(buffer, WINDOW)[: (count - 1) * STEP + 1 : STEP])

    def finish(self) -> tuple[Floats, Floats]:
        """The frames that reach beyond the end, padded with zeros."""
        return self.update(np.zeros(WINDOW // 2, np.float32))


def _mel(frames: Floats) -> tuple[Floats, Floats]:
    from scipy.fft import rfft

    spectrum = rfft(frames * _hann(), axis=1)
    squares = np.square(spectrum.real) + np.square(spectrum.imag)
    power = 2.0 * squares.sum(axis=1) / (WINDOW * float(np.square(_hann()).sum()))
    return (squares @ mel_matrix().T).astype(np.float32), power.astype(np.float32)


@functools.cache
def _hann() -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@functools.cache
def mel_matrix() -> Floats:
    """(40, 201) triangles of unit area, evenly spaced from 0 to 8 kHz on Slaney's mel scale.

    The scale (Slaney, Auditory Toolbox, 1998): linear below 1 kHz, 200/3 Hz a mel; above, 27 mels per factor of 6.4.
    """
    edges = _hertz(np.linspace(0.0, _top(), MELS + 2))
    bins = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def _top() -> float:
    return 15.0 + 27.0 * float(np.log(RATE / 2 / 1000.0) / np.log(6.4))


def _hertz(mel: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) / 27.0 * np.log(6.4)))


def window(mel: Floats, power: Floats) -> Floats:
    """One network input from the frames of a stretch of speech.

    Parameters
    ----------
    mel : (m, 40) float32
    power : (m,) float32

    Returns
    -------
    (160, 40) float32
        Scaled to one level; silence before it where it is shorter than 160 frames (told voices apart better than
        silence after it, than repeating it and than a shorter input), cut where longer.
    """
    scaled = mel[:FRAMES] * np.float32(LEVEL / max(float(power.mean()), 1e-12))
    return np.concatenate([np.zeros((FRAMES - len(scaled), MELS), np.float32), scaled])


def embed(windows: Floats) -> Floats:
    """Embeddings of a batch: (b, 160, 40) -> (b, 256) float32, each of length 1 with no negative value."""
    if len(windows) == 0:
        return np.zeros((0, 256), np.float32)
    return np.asarray(models.session(MODEL).run(["embedding"], {"mel": windows})[0], np.float32)
