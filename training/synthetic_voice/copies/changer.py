"""A real-time voice changer: what RVC and w-okada do to a voice and to its stream, from their published defaults.

RVC `realtime_gui.py` and `rtrvc.py`: pitch every 10 ms, also as 255 mel steps from 50 to 1100 Hz; blocks of 0.25 s
joined over 50 ms by the best-matching offset; loudness contour the model's (`rms_mix` 0); the gate zeroes 10 ms pieces
of what goes in. w-okada: chunks of 0.1 to 1 s; below its silence threshold a chunk is digital silence. Speech content
comes from features of 16 kHz sound, the voice from a model: envelopes are smoother, noise follows a rule, and what the
microphone cut off is made up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal import firwin, oaconvolve, resample
from sinusoidal import Style
from spectrum import RATE, Sound, background, chosen, from_mel, hertz, istft, mel, resampled, rms, smooth, stft, to_mel
from vocoders import draw, render
from world import Frames, analyse, modelled_aperiodicity, smoothed_pitch

PERIOD = 0.01
"""Seconds between pitch values in RVC."""
HOP = round(PERIOD * RATE)
COARSE_STEPS, COARSE_LOW, COARSE_HIGH = 255, 50.0, 1100.0
BLOCK, CROSSFADE = 0.25, 0.05
"""RVC's defaults in seconds."""


@dataclass(frozen=True)
class Settings:
    """What a user sets and a model does, for one copy."""

    semitones: float
    coarse: bool
    warp: float
    """Formants are multiplied by this."""
    block: float
    crossfade: float
    search: float
    """Seconds within which the best join is looked for; 0 joins where it is."""
    gate: str
    """none | input (zeros go in, by 10 ms) | output (digital silence comes out, by block)."""
    loudness: float
    """Share of the input's own loudness contour that is kept."""
    top: float
    """Hz: where the content ends."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Settings:
        low, high = (2, 12) if rng.random() < 0.85 else (0, 2)
        semitones = float(rng.choice([-1, 1]) * rng.uniform(low, high))
        # a higher voice mostly comes with higher formants
        warp = float(np.clip(1 + 0.008 * semitones + rng.normal(0, 0.06), 0.85, 1.18))
        usual = rng.random() < 0.5
        return cls(
            semitones=semitones,
            coarse=bool(rng.random() < 0.5),
            warp=warp,
            block=BLOCK if usual else float(rng.choice([0.1, 0.128, 0.17, 0.2, 0.34, 0.5, 0.7, 1.0])),
            crossfade=CROSSFADE if usual else float(rng.uniform(0.01, 0.08)),
            search=0.01 if rng.random() < 0.75 else 0.0,
            gate=chosen(rng, none=0.5, input=0.2, output=0.3),
            loudness=0.0 if rng.random() < 0.6 else float(rng.uniform(0, 1)),
            top=float(rng.choice([8000, 8000, 8000, 8000, 7600, 7000, 6000, 5000, 4000])),
        )


def regridded(f0: NDArray[np.float64], settings: Settings, rng: np.random.Generator) -> NDArray[np.float64]:
    """The pitch that the model is given: shifted, despiked, smoothed, in 255 mel steps where coarse."""
    f0 = f0 * 2 ** (settings.semitones / 12)
    f0 = np.where(f0 > 0, np.clip(f0, COARSE_LOW, COARSE_HIGH), 0)
    if rng.random() < 0.7:
        f0 = np.where(f0 > 0, median_filter(f0, 3, mode="nearest"), 0)
    f0 = smoothed_pitch(f0, rng.choice([0.0, 1.0, 2.0, 4.0]))
    if settings.coarse:
        low, high = float(mel(COARSE_LOW)), float(mel(COARSE_HIGH))
        step = (high - low) / (COARSE_STEPS - 1)
        f0 = np.where(f0 > 0, hertz(low + np.round((mel(np.maximum(f0, COARSE_LOW)) - low) / step) * step), 0)
    return np.asarray(f0, np.float64)


def timbre(log_mel: NDArray[np.float64], settings: Settings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Log-mel envelopes (frames, bands) with another voice's formants and colour, smoothed as a network's output."""
    bands = log_mel.shape[1]
    centres = hertz(np.arange(1, bands + 1) / (bands + 1) * float(mel(RATE / 2)))
    source = mel(centres / settings.warp) / float(mel(RATE / 2)) * (bands + 1) - 1
    warped = resampled(log_mel.T, source).T
    place = np.linspace(0, 1, bands)
    colour = rng.uniform(-1.5, 1.5) * (place - 0.5)
    for wave in range(1, 6):
        colour = colour + rng.normal(0, 0.5 / wave**0.5) * np.cos(np.pi * wave * place + rng.uniform(0, 2 * np.pi))
    warped = smooth(smooth(warped, rng.uniform(0, 1.5), 0), rng.uniform(0, 1.5), 1)
    mean = warped.mean(axis=0)
    return mean + rng.uniform(0.8, 1.0) * (warped - mean) + colour


def loudness(log_mel: NDArray[np.float64], voiced: NDArray[np.bool_], share: float, rng: np.random.Generator) -> Sound:
    """What to add to each frame's log powers so that loudness is the model's, but for `share` of the input's."""
    level = np.log(np.exp(log_mel).mean(axis=1))
    speech = level > np.percentile(level, 95) - rng.uniform(5.5, 8)
    usual = level[speech].mean()
    # a model says sounds as loud as such sounds mostly are: a contour slow and compressed, apart from pauses
    model = usual + rng.uniform(0.3, 0.8) * (smooth(level, rng.uniform(3, 15)) - usual)
    model = model + smooth(rng.normal(0, 1, len(level)), rng.uniform(8, 30)) * rng.uniform(0.5, 3)
    open_mouth = smooth((speech | voiced).astype(float), 1.5)
    return np.asarray(open_mouth * (1 - share) * (model - level))


def made_up_top(log_mel: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Bands over 4 kHz filled in where a narrow recording has none, from how loud 2 to 3.8 kHz are."""
    bands = log_mel.shape[1]
    centres = hertz(np.arange(1, bands + 1) / (bands + 1) * float(mel(RATE / 2)))
    inside, over = (centres > 2000) & (centres < 3700), centres > 3800
    reference = log_mel[:, inside].mean(axis=1, keepdims=True)
    if (np.median(reference - log_mel[:, over].mean(axis=1, keepdims=True))) < np.log(1e3):
        return log_mel
    filled = reference - (centres[over] - 3000) / 1000 * rng.uniform(0.3, 1.2)
    return np.hstack([log_mel[:, ~over], np.maximum(log_mel[:, over], smooth(filled, 1.0))])


def joined(parts: list[Sound], settings: Settings, rng: np.random.Generator) -> Sound:
    """One stream of blocks taken in turn from renderings of the same speech, cross-faded at their joins."""
    length = len(parts[0])
    block, fade = int(settings.block * RATE), int(min(settings.crossfade, settings.block / 2) * RATE)
    reach = int(settings.search * RATE)
    ramp = np.sin(0.5 * np.pi * np.linspace(0, 1, fade)) ** 2
    out = np.zeros(length)
    uneven = rng.uniform(0, 1.2)
    begun = int(rng.integers(block))
    out[: begun + fade] = parts[0][: begun + fade]
    for number, start in enumerate(range(begun, length, block)):
        part = parts[(number + 1) % len(parts)] * 10 ** (uneven * rng.standard_normal() / 20)
        offset = _best(out[start : start + fade], part, start, reach)
        stop = min(length, start + block + fade)
        piece = part[start + offset : stop + offset]
        piece = np.pad(piece, (0, stop - start - len(piece)))
        n = min(fade, stop - start)
        out[start : start + n] = (1 - ramp[:n]) * out[start : start + n] + ramp[:n] * piece[:n]
        out[start + n : stop] = piece[n:]
    return out


def _best(tail: Sound, part: Sound, start: int, reach: int) -> int:
    """Offset (0 to `reach`) at which `part` continues `tail` best: normalised correlation, as RVC's joins (SOLA)."""
    window = part[start : start + len(tail) + reach]
    if reach == 0 or len(window) <= len(tail):
        return 0
    products = np.correlate(window, tail, "valid")
    power = np.convolve(window**2, np.ones(len(tail)), "valid")
    return int(np.argmax(products / np.sqrt(power + 1e-8)))


def gate_threshold(x: Sound, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Levels in dB of 10 ms pieces and a threshold between the pauses and the speech."""
    pieces = x[: len(x) // HOP * HOP].reshape(-1, HOP)
    level = 10 * np.log10(np.mean(pieces**2, axis=1) + 1e-12)
    low, high = np.percentile(level, [10, 90])
    return level, float(low + rng.uniform(0.15, 0.45) * (high - low))


def shifted(x: Sound, settings: Settings) -> Sound:
    """The classical way: a phase vocoder stretches, resampling shifts pitch, the envelope is put back and warped."""
    ratio = 2 ** (settings.semitones / 12)
    n_fft, hop = 1024, 256
    spectra = stft(x, n_fft, hop)
    envelope = np.exp(smooth(np.log(np.abs(spectra) + 1e-6), 10.0, 1))
    count = int(len(spectra) * ratio)
    times = np.minimum(np.arange(count) / ratio, len(spectra) - 1.001)
    steady = 2 * np.pi * hop * np.arange(spectra.shape[1]) / n_fft
    change = np.angle(spectra[1:] * np.conj(spectra[:-1]) * np.exp(-1j * steady)) + steady
    phase = np.cumsum(change[np.minimum(times.astype(int), len(change) - 1)], axis=0)
    stretched = resampled(np.abs(spectra), times) * np.exp(1j * phase)
    y = resample(istft(stretched, n_fft, hop, int(len(x) * ratio)), len(x))
    new = stft(y, n_fft, hop)
    own = np.exp(smooth(np.log(np.abs(new) + 1e-6), 10.0, 1))
    target = resampled(envelope.T, np.arange(spectra.shape[1]) / settings.warp).T
    return istft(new * np.minimum(target / own, 30), n_fft, hop, len(x))


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """`x` through a voice changer, and the system's name."""
    settings = Settings.draw(rng)
    level, threshold = gate_threshold(x, rng)
    given = x
    if settings.gate == "input":
        keep = np.repeat(level > threshold, HOP)
        given = np.append(x[: len(keep)] * keep, x[len(keep) :])
    if rng.random() < 0.3:
        # the changer's own noise reduction
        given = given - rng.uniform(0.7, 0.95) * background(given)
    how = "phase vocoder" if rng.random() < 0.12 else draw(rng)
    parts = _parts(given, settings, how, rng)
    y = joined(parts, settings, rng)
    if settings.top < RATE / 2:
        y = oaconvolve(y, firwin(int(rng.choice([31, 63, 127])), settings.top - 100, fs=RATE), mode="same")
    if settings.gate == "output":
        size = int(settings.block * RATE) if rng.random() < 0.5 else HOP * int(rng.integers(1, 10))
        quiet = np.repeat(level <= threshold, HOP)
        quiet = np.append(quiet, np.ones(len(y) - len(quiet), bool))
        for start in range(0, len(y), size):
            if quiet[start : start + size].all():
                y[start : start + size] = 0
    return np.asarray(y), f"changer {how}"


def _parts(x: Sound, settings: Settings, how: str, rng: np.random.Generator) -> list[Sound]:
    """Two renderings of the same speech that differ in phase and noise, as two blocks' do."""
    if how == "phase vocoder":
        first = shifted(x, settings)
        delay = int(rng.integers(1, 40))
        return [first, np.append(np.zeros(delay), first[:-delay])]
    frames = converted(x, settings, rng)
    style = Style(chosen(rng, zero=0.2, random=0.3, minimum=0.5), bool(rng.random() < 0.5))
    parts = [render(frames, len(x), how, style, rng)]
    # WORLD and the networks are dear or alike each time: a small shift stands for the mismatch of their blocks
    if how == "harmonic":
        drift = 1 + rng.normal(0, 0.004)
        parts.append(render(replace(frames, f0=frames.f0 * drift), len(x), how, style, rng))
    else:
        delay = int(rng.integers(1, 40))
        parts.append(np.append(np.zeros(delay), parts[0][:-delay]))
    return [part * rms(parts[0]) / max(rms(part), 1e-9) for part in parts]


def converted(x: Sound, settings: Settings, rng: np.random.Generator) -> Frames:
    """WORLD-like parameters of the other voice saying what `x` says."""
    frames = analyse(x, PERIOD, aperiodicity=False)
    log_mel = to_mel(frames.envelope, int(rng.integers(40, 129)))
    if rng.random() < 0.7:
        log_mel = made_up_top(log_mel, rng)
    change = loudness(log_mel, frames.voiced, settings.loudness, rng)
    log_mel = timbre(log_mel, settings, rng) + change[:, None]
    envelope = from_mel(log_mel, frames.envelope.shape[1])
    frames = replace(frames, f0=regridded(frames.f0, settings, rng), envelope=envelope)
    return modelled_aperiodicity(frames, rng)
