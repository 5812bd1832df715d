"""Could a quiet voice be found that says a moment earlier what the candidate says? Tried on mixtures, and left out.

    python training/answer_traces/shadowing.py FOLDER [--trials 30]

FOLDER holds recordings of one person each. Four of them in a row, in a made-up room and noise 50 dB down, are the
candidate; the quiet voice is the same speech 0.5 to 1.5 s earlier with everything 15 % higher, so many dB down, its
lead wandering by nothing, 0.1 or 0.3 s. In 16 ms steps, the spectrum's shape where the candidate is quiet is compared
with its shape where they are loud a lag later; a lag that stands out of its neighbours is taken for the lead. What is
printed is in how many mixtures the true lead stands out more than any lag does in 95 % of the same recordings without a
voice.
Favourable throughout: the same speaker's own words and timing, no codec, no suppression of noise or echo.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inperson.media import Reader

RATE, STEP, WINDOW = 16_000, 256, 512
LAGS = range(20, 160)
"""In steps: 0.3 to 2.6 s."""
QUIET_DB = 12.0
HIGHER = 1.15
Sound = NDArray[np.float64]


def sound(path: Path) -> Sound:
    with Reader(path, each_frame=lambda frame: frame, wanted=lambda time: False) as reader:
        return np.concatenate([chunk.audio for chunk in reader])[: 6 * RATE].astype(np.float64)


def shapes(audio: Sound) -> tuple[Sound, Sound]:
    """Level (n,) in dB, and shape (n, 20) of the spectrum in mel bands without its mean."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::STEP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([150, 6500]) / 700)), 22) / 2595) - 1)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    bands = [power[:, (hertz >= a) & (hertz < b)].mean(1) for a, b in zip(edges, edges[2:], strict=False)]
    mel = 10 * np.log10(np.stack(bands, 1) + 1e-9)
    return mel.max(1), mel - mel.mean(1, keepdims=True)


def standing_out(audio: Sound) -> tuple[float, float]:
    """How far the best lag stands out, in scaled median deviations, and that lag in seconds."""
    level, shape = shapes(audio)
    quiet = level < np.percentile(level, 95) - QUIET_DB
    parts = [shape - shape[which].mean(0) for which in (quiet, ~quiet)]
    before, after = (part / (np.linalg.norm(part, axis=1, keepdims=True) + 1e-9) for part in parts)
    alike = np.array([(before[:-n] * after[n:]).sum(1)[quiet[:-n] & ~quiet[n:]].mean() for n in LAGS])
    around = np.convolve(np.pad(alike, 15, "edge"), np.ones(31) / 31, "valid")
    off = alike - around - np.median(alike - around)
    best = int(np.argmax(off))
    return float(off[best] / (1.4826 * np.median(np.abs(off)))), LAGS[best] * STEP / RATE


def other_voice(speech: Sound, wander: float, rng: np.random.Generator) -> Sound:
    """The same words in pieces of 0.1 s, each played faster, their places wandering by up to `wander` seconds."""
    length, lag = RATE // 10, 0.0
    out = np.zeros(len(speech) + length)
    for start in range(0, len(speech) - 2 * length, length // 2):
        lag = float(np.clip(lag + rng.normal(0, wander / 20), -wander, wander))
        at = start + round(lag * RATE)
        if 0 <= at < len(speech) - 2 * length:
            places = at + np.arange(length) * HIGHER
            out[start : start + length] += np.interp(places, np.arange(len(speech)), speech) * np.hanning(length)
    return out[: len(speech)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=30)
    args = parser.parse_args()
    clips = [sound(path) for path in sorted(args.folder.iterdir())]
    rng = np.random.default_rng(0)
    without: list[float] = []
    found: dict[tuple[float, int], list[tuple[float, bool]]] = {}
    for _ in range(args.trials):
        chosen = [clips[i] for i in rng.choice(len(clips), 4, replace=False)]
        speech = np.concatenate([np.append(clip / clip.std(), np.zeros(6000)) for clip in chosen])
        tail = 0.02 * np.exp(-np.arange(4800) / 1100) * rng.standard_normal(4800)
        heard = speech + np.convolve(speech, tail)[: len(speech)] + 10**-2.5 * rng.standard_normal(len(speech))
        without.append(standing_out(heard)[0])
        lead = rng.uniform(0.5, 1.5)
        early = np.append(speech[round(lead * RATE) :], np.zeros(round(lead * RATE)))
        for wander in (0.0, 0.1, 0.3):
            voice = other_voice(early, wander, rng)
            for level in (-10, -20, -30):
                far, lag = standing_out(heard + voice / voice.std() * speech.std() * 10 ** (level / 20))
                found.setdefault((wander, level), []).append((far, abs(lag - lead) < 0.15))
    threshold = np.percentile(without, 95)
    for (wander, level), rows in found.items():
        share = np.mean([far > threshold and right for far, right in rows])
        print(f"lead wanders by {wander:.1f} s, {-level} dB down: found in {share:.2f} of {len(rows)}")


if __name__ == "__main__":
    main()
