"""What calls do to a voice, applied to both classes alike, so that a clean channel is no cue.

Order as in life: room, background, microphone, level, noise suppression, band limit, codec. Everything is drawn from
one generator, so a seed rebuilds the training set.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import av
import numpy as np
from numpy.typing import NDArray
from scipy import signal

Sound = NDArray[np.float32]
Rng = np.random.Generator
RATE = 16000

CODECS: dict[str, tuple[str, str, int, int]] = {
    # name: (container, encoder, sampling rate, bit/s)
    "opus_32k": ("ogg", "libopus", 16000, 32000),
    "opus_24k": ("ogg", "libopus", 16000, 24000),
    "opus_16k": ("ogg", "libopus", 16000, 16000),
    "opus_12k": ("ogg", "libopus", 16000, 12000),
    "aac_96k": ("adts", "aac", 32000, 96000),
    "aac_48k": ("adts", "aac", 32000, 48000),
    "aac_32k": ("adts", "aac", 16000, 32000),
    "mp3_64k": ("mp3", "libmp3lame", 24000, 64000),
    "mp3_32k": ("mp3", "libmp3lame", 16000, 32000),
    "g711": ("wav", "pcm_mulaw", 8000, 64000),
    "g722": ("wav", "adpcm_g722", 16000, 64000),
}


def load(path: str) -> Sound:
    """A file's sound as 16 kHz mono."""
    with av.open(path) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        parts = [out.to_ndarray().ravel() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        parts += [out.to_ndarray().ravel() for out in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)


def encode(x: Sound, codec: str) -> Sound:
    """Through a real encoder and decoder in memory; what comes back is as long as what went in."""
    form, name, rate, bits = CODECS[codec]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        stream = out.add_stream(name, rate=rate, layout="mono")
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(np.clip(x, -1, 1)[None, :], format="flt", layout="mono")
        frame.sample_rate = RATE
        encoder = stream.codec_context
        encoder.open()
        resampler = av.AudioResampler(encoder.format.name, "mono", rate, encoder.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        parts = [o.to_ndarray().ravel() for frame in container.decode(audio=0) for o in resampler.resample(frame)]
        parts += [o.to_ndarray().ravel() for o in resampler.resample(None)]
    y = np.concatenate(parts).astype(np.float32)[: len(x)]
    return np.pad(y, (0, len(x) - len(y)))


def room(x: Sound, rng: Rng) -> Sound:
    """A synthetic room: exponentially decaying noise (RT60 0.1 to 0.7 s) at a drawn direct-to-reverberant ratio."""
    rt60 = rng.uniform(0.1, 0.7)
    n = int(RATE * rt60)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail[: int(rng.uniform(0.001, 0.006) * RATE)] = 0
    tail *= 10 ** (-rng.uniform(0, 18) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return signal.fftconvolve(x, tail)[: len(x)].astype(np.float32)


def noise(x: Sound, rng: Rng) -> Sound:
    """Coloured stationary noise, sometimes swelling, sometimes with mains hum, at 5 to 45 dB."""
    n = len(x)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    spectrum *= (np.maximum(f, 40) / 1000) ** (-rng.uniform(0, 1.2))
    made = np.fft.irfft(spectrum, n)
    if rng.random() < 0.3:
        knots = np.exp(rng.normal(0, 0.7, max(n // 4000, 2)))
        made *= np.interp(np.arange(n), np.linspace(0, n, len(knots)), knots)
    made /= made.std() + 1e-9
    if rng.random() < 0.15:
        hum = rng.choice([50, 60]) * np.arange(1, 8)
        made += sum(np.sin(2 * np.pi * h * np.arange(n) / RATE) * rng.uniform(0, 0.7) for h in hum)
    level = np.sqrt(np.mean(x**2)) * 10 ** (-rng.uniform(5, 45) / 20)
    return (x + made / (made.std() + 1e-9) * level).astype(np.float32)


def microphone(x: Sound, rng: Rng) -> Sound:
    """A smooth response: a random curve through eight points, 5 dB deviation, and a low cut of 20 to 250 Hz."""
    knots = np.array([0, 150, 400, 900, 1800, 3200, 5000, 8000])
    gains = rng.normal(0, rng.uniform(1, 6), len(knots))
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    curve = np.interp(f, knots, gains)
    cut = rng.uniform(20, 250)
    curve -= 10 * np.log10(1 + (cut / np.maximum(f, 1)) ** 4)
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (curve / 20), len(x)).astype(np.float32)


def suppress(x: Sound, rng: Rng) -> Sound:
    """Noise suppression as calls have it: spectral subtraction with a floor, and a gate that may write exact zeros."""
    _, _, s = signal.stft(x, RATE, nperseg=512, noverlap=384)
    power = np.abs(s) ** 2
    floor = np.percentile(power, 15, axis=1, keepdims=True)
    gain = np.sqrt(np.maximum(1 - rng.uniform(1, 3) * floor / (power + 1e-12), 10 ** (-rng.uniform(10, 40) / 10)))
    gain = signal.lfilter([0.5], [1, -0.5], gain, axis=1)
    _, y = signal.istft(s * gain, RATE, nperseg=512, noverlap=384)
    y = y[: len(x)]
    if rng.random() < 0.5:
        level = signal.lfilter([0.002], [1, -0.998], y**2)
        y = np.where(level < np.percentile(level, 95) * 10 ** (-rng.uniform(3, 4.5)), 0, y)
    return np.pad(y, (0, len(x) - len(y))).astype(np.float32)


def band_limit(x: Sound, rng: Rng) -> Sound:
    """A low-pass between 3.4 and 7.8 kHz, of drawn steepness."""
    edge = rng.uniform(3400, 7800)
    taps = signal.firwin(int(rng.choice([31, 63, 127, 255])) | 1, edge, fs=RATE)
    return signal.fftconvolve(x, taps, mode="same").astype(np.float32)


def level(x: Sound, rng: Rng) -> Sound:
    """Speech level of -40 to -14 dB below full scale; 5 % of draws are driven into clipping."""
    loud = np.sqrt(np.percentile(x**2, 90)) + 1e-9
    target = rng.uniform(-6, 0) if rng.random() < 0.05 else rng.uniform(-40, -14)
    return np.clip(x / loud * 10 ** (target / 20), -1, 1).astype(np.float32)


def degrade(x: Sound, rng: Rng) -> Sound:
    """One random passage through the ladder; each rung is taken or left out at its own rate."""
    steps: list[tuple[float, Callable[[Sound, Rng], Sound]]] = [
        (0.4, room),
        (0.6, noise),
        (0.6, microphone),
        (1.0, level),
        (0.25, suppress),
        (0.4, band_limit),
    ]
    for rate, step in steps:
        if rng.random() < rate:
            x = step(x, rng)
    if rng.random() < 0.6:
        x = encode(x, str(rng.choice(list(CODECS))))
    return x


def condition(x: Sound, name: str, rng: Rng) -> Sound:
    """A fixed channel for evaluation: ``clean``, a key of `CODECS`, ``room``, ``noise``, ``suppress`` or ``mic``."""
    x = x / (np.sqrt(np.percentile(x**2, 90)) + 1e-9) * 0.1
    if name == "clean":
        return np.clip(x, -1, 1).astype(np.float32)
    if name in CODECS:
        return encode(np.clip(x, -1, 1).astype(np.float32), name)
    step = {"room": room, "noise": noise, "suppress": suppress, "mic": microphone}[name]
    return np.clip(step(x.astype(np.float32), rng), -1, 1)
