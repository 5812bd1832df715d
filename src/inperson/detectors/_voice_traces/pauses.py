"""What is heard where nobody speaks: exact zeros, a floor that does not move, or the same noise again?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson.detectors._voice_traces._blocks import HOP, HOP_SECONDS, RATE, Array, Block
from inperson.detectors._voice_traces._fft import fast_length, irfft, rfft
from inperson.types import Floats, Span

QUIET = 0.2
"""Speech probability under which a hop is a pause (as `_utterances.PAUSE`)."""
LONGEST = 62
"""Hops (1.98 s) of one pause that are looked at; a longer one is cut."""
SHORTEST = 5
"""Hops (0.16 s) that a pause must hold once one hop at either end, where the words fade, is left out."""
SNIPPET = 1024
"""Samples (64 ms) of noise that are looked for again."""
REMEMBERED = 16
"""Snippets that are remembered: the last pauses' first ones."""
BANDS = 16
"""Bands of 500 Hz in which the floor's movement is read."""
SAME = 0.8
"""Correlation of two whitened snippets from which noise counts as repeated; independent noise stays under 0.2."""
RUN = 32
"""Zeros in a row (2 ms) that count: quiet 16-bit sound crosses zero in fewer."""
ZEROS = (
    "Noise suppression, push-to-talk, gates of headsets, discontinuous transmission in calls and editing also write "
    "exact zeros."
)
STATIONARY = (
    "A quiet room with a constant fan, comfort noise of a call and noise suppression that holds its floor also keep "
    "pauses still."
)
REPEATED = (
    "Comfort noise and concealment of lost packets, a file that was looped or edited, and a machine's steady buzz also "
    "repeat."
)


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause.

    Attributes
    ----------
    span : Span
    samples, zeros : int
        Samples in it, and how many of them lie in runs of at least `RUN` exact zeros.
    movement, colour : float
        dB; deviation of the level from hop to hop, without its slope, of the whole band and of the median band of
        500 Hz. NaN where it is all zeros. Steady Gaussian noise has 0.3 and 1.1.
    repeats : float
        In [0, 1]: best correlation with a remembered snippet, or of its first part with its own rest; NaN as above.
    """

    span: Span
    samples: int
    zeros: int
    movement: float
    colour: float
    repeats: float


class Pauses:
    """Collects pauses from blocks; holds 2 s of sound and 1 s of snippets."""

    def __init__(self) -> None:
        self.found: list[Pause] = []
        self._held: list[Floats] = []
        self._start = 0.0
        self._snippets: list[Floats] = []

    def push(self, block: Block) -> None:
        """Take in the next block."""
        quiet = (block.speech < QUIET) & ~block.gap
        hops = block.inner.reshape(-1, HOP)
        for i, pause in enumerate(quiet):
            if not pause:
                self.close()
                continue
            if not self._held:
                self._start = block.start + i * HOP_SECONDS
            self._held.append(hops[i].copy())
            if len(self._held) == LONGEST:
                self.close()

    def close(self) -> None:
        """End the pause under way, if there is one."""
        held, self._held = self._held[1:-1], []
        if len(held) < SHORTEST:
            return
        sound = np.concatenate(held)
        start = self._start + HOP_SECONDS
        span = Span(start, start + len(held) * HOP_SECONDS)
        zeros = digital_silence(sound)
        if zeros > 0.5 * len(sound):
            self.found.append(Pause(span, len(sound), zeros, np.nan, np.nan, np.nan))
            return
        movement, colour = movements(sound)
        self.found.append(Pause(span, len(sound), zeros, movement, colour, self._repeats(sound)))

    def _repeats(self, sound: Floats) -> float:
        flat = whitened(sound)
        best = same(flat, *self._snippets)
        rest = flat[SNIPPET // 2 :]
        if len(rest) >= 2 * SNIPPET:
            best = max(best, same(flat[SNIPPET + SNIPPET // 2 :], flat[SNIPPET // 2 :][:SNIPPET]))
        self._snippets = [*self._snippets, flat[len(flat) // 2 - SNIPPET // 2 :][:SNIPPET].copy()][-REMEMBERED:]
        return best


def digital_silence(sound: Floats) -> int:
    """How many samples of `sound` (n,) lie in runs of at least `RUN` exact zeros."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sound == 0, [False]]).astype(np.int8)))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= RUN].sum())


def movements(sound: Floats) -> tuple[float, float]:
    """How the level moves from hop to hop (dB), whole band and median band of 500 Hz; see `Pause`."""
    frames = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)
    power = np.square(np.abs(rfft(frames * np.hanning(HOP + 1)[:-1].astype(np.float32))))[:, :-1]
    bands = power.reshape(len(frames), BANDS, -1).mean(axis=2)
    levels = np.concatenate([np.square(frames).mean(axis=1)[:, None], bands], axis=1)
    db = 10 * np.log10(levels.astype(np.float64) + 1e-14)
    time = np.arange(len(db)) - (len(db) - 1) / 2
    slope = time @ db / (time @ time)
    rest = db - db.mean(axis=0) - time[:, None] * slope
    deviation = np.sqrt(np.square(rest).sum(axis=0) / (len(db) - 2))
    return float(deviation[0]), float(np.median(deviation[1:]))


def whitened(sound: Floats) -> Floats:
    """`sound` (n,) with its spectrum's envelope flattened and its lines (hum, whistles) cut down to the rest."""
    spectrum = rfft(sound - sound.mean())
    size = np.abs(spectrum)
    width = max(len(size) // 64, 4)
    tiles = np.pad(size, (0, -len(size) % width), mode="edge").reshape(-1, width)
    envelope = np.interp(np.arange(len(size)), (np.arange(len(tiles)) + 0.5) * width, np.median(tiles, axis=1))
    flat = spectrum / np.maximum(np.maximum(size, envelope), 1e-12)
    # Above 300 Hz: rumble and hum repeat by nature.
    flat[: int(300 * len(sound) / RATE)] = 0
    made: Array = irfft(flat, len(sound))
    return made.astype(np.float32)


def same(sound: Floats, *snippets: Floats) -> float:
    """Largest normalised correlation, in [0, 1], of any of `snippets` (all of one length) with an equally long part of
    `sound`; 0 without any."""
    held = np.array([snippet for snippet in snippets if len(snippet) <= len(sound) and snippet.any()], np.float32)
    if not len(held):
        return 0.0
    n = held.shape[1]
    size = fast_length(len(sound) + n)
    products = irfft(rfft(sound, size) * np.conj(rfft(held, size)), size)[:, : len(sound) - n + 1]
    sums = np.cumsum(np.concatenate([[0.0], np.square(sound, dtype=np.float64)]))
    energy = (sums[n:] - sums[:-n]) * np.square(held, dtype=np.float64).sum(axis=1, keepdims=True)
    return float(np.clip((products / np.sqrt(energy + 1e-20)).max(), 0.0, 1.0))
