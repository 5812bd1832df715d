"""Prepared utterances as powers in bands, so that a network trains on many crops without a transform for each.

    python pictures.py PREPARED [--workers 2]

Writes `PREPARED/NAME.bands`: (frames, 128) float16, the logarithm of the power in the bands of `networks.Split`, row
after row in the order of `NAME.csv`. What is there already is left alone. A channel is then drawn on powers: a
microphone, band limits and noise multiply and add there as they do in sound, but for the interference of noise with
speech.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from batches import LENGTHS, Batch, draws, targets
from corpus import BANDS, STEP, Corpus, read
from networks import FFT, WINDOW, split_bank
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]
LEAST = 1e-5
"""Below which a band's power (of 16-bit steps squared) is taken for silence: the logarithm must fit 16 bits."""
_corpus: Corpus


def _open(prepared: Path) -> None:
    global _corpus
    _corpus = read(prepared)


def _row(i: int) -> NDArray[np.float16]:
    return bands(_corpus.sound(i).astype(np.float32))


def bands(x: Floats) -> NDArray[np.float16]:
    """(samples,) -> (frames, 128), frames of 25 ms every 10 ms."""
    if len(x) < WINDOW:
        return np.zeros((0, BANDS), np.float16)
    frames = np.lib.stride_tricks.sliding_window_view(x - x.mean(), WINDOW)[::STEP]
    spectrum = fft.rfft(frames * np.hanning(WINDOW + 1)[:-1].astype(np.float32), FFT)
    power = np.square(np.abs(spectrum)) @ split_bank().numpy().T
    return np.log(power + LEAST).astype(np.float16)


def build(prepared: Path, workers: int) -> None:
    corpus = read(prepared)
    for number, sound in enumerate(corpus.files):
        out = Path(str(sound.filename)).with_suffix(".bands")
        rows = np.flatnonzero(corpus.file == number)
        done = out.stat().st_size // (2 * BANDS) if out.exists() else 0
        lacking = rows[corpus.frame[rows] >= done]
        first = int(corpus.frame[lacking[0]]) if len(lacking) else done
        pool = ProcessPoolExecutor(workers, initializer=_open, initargs=(prepared,))
        with pool, open(out, "r+b" if out.exists() else "wb") as file:
            file.truncate(2 * BANDS * first)
            file.seek(2 * BANDS * first)
            for made in pool.map(_row, lacking.tolist(), chunksize=64):
                file.write(made.tobytes())
        print(f"{out.name}: {len(lacking)} more", flush=True)


class Pictures:
    """The bands of a corpus's rows."""

    def __init__(self, prepared: Path, corpus: Corpus) -> None:
        self.corpus, self.frames = corpus, corpus.frames
        names = [Path(str(sound.filename)).with_suffix(".bands") for sound in corpus.files]
        self.files = [np.memmap(name, np.float16, "r").reshape(-1, BANDS) for name in names]

    def crop(self, i: int, frames: int, rng: np.random.Generator) -> Floats:
        """(frames, 128) powers at unit mean, from anywhere in row `i`."""
        start = int(self.corpus.frame[i]) + int(rng.integers(0, self.frames[i] - frames + 1))
        power = np.exp(self.files[self.corpus.file[i]][start : start + frames].astype(np.float32))
        return power / (power.mean() + 1e-9)


def batches(pictures: Pictures, count: int, size: int, seed: int, made: float = 1.0) -> Iterator[Batch]:
    """As `batches.batches`; `sound` holds powers, (n, 128, frames)."""
    rng = np.random.default_rng(seed)
    spoof, converted, codec = targets(pictures.corpus)
    for which, drawn in draws(pictures.corpus, count, size, rng, made):
        frames = int(LENGTHS[which][0] * 100) - 2
        power = np.stack([channel(pictures.crop(int(i), frames, rng), rng) for i in drawn])
        yield Batch(power.transpose(0, 2, 1), spoof[drawn], converted[drawn], codec[drawn])


CENTRES = (split_bank().numpy() * np.arange(FFT // 2 + 1)).sum(1) / split_bank().numpy().sum(1) * 16000 / FFT
"""Hz, of each band."""


def channel(power: Floats, rng: np.random.Generator) -> Floats:
    """Microphone, band limits and noise, as `batches.channel` on sound; (frames, 128) at unit mean."""
    gain = np.zeros(BANDS)  # dB
    if rng.random() < 0.6:
        gain += np.interp(CENTRES, np.linspace(0, 8000, 9), rng.uniform(-8, 8, 9) * rng.random())
    if rng.random() < 0.35:
        edge, steep = rng.uniform(3200, 7900), rng.uniform(50, 600)
        gain -= 10 * np.log10(1 + np.exp(np.clip((CENTRES - edge) / steep * 4, -40, 40))) * 2
    if rng.random() < 0.5:
        ratio, order = CENTRES / rng.uniform(40, 400), rng.uniform(2, 8)
        gain += 10 * np.log10(ratio ** (2 * order) / (1 + ratio ** (2 * order)) + 1e-9)
    power = power * (10 ** (gain / 10)).astype(np.float32)
    if rng.random() < 0.5:
        tilt = (np.maximum(CENTRES, 20) ** -rng.uniform(0, 1)).astype(np.float32)
        level = power.mean() * 10 ** (-rng.uniform(12, 55) / 10) / tilt.mean()
        power = power + level * tilt * rng.standard_gamma(SHAPE, power.shape, np.float32) / SHAPE
    return power


SHAPE = np.where(np.arange(BANDS) < BANDS // 2, 1.0, 2.0).astype(np.float32)
"""Of the power of noise in a band: one line of the transform, or three that overlap."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    build(chosen.prepared, chosen.workers)


if __name__ == "__main__":
    main()
