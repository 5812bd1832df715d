"""The way of a voice through a call, rung by rung, in the order of life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inperson.degradation.codecs import codec
from inperson.degradation.gain import AutomaticGain, Gain
from inperson.degradation.noise import Noise, NoiseKind
from inperson.degradation.packet_loss import LossModel, PacketLoss
from inperson.degradation.rooms import echo, room
from inperson.degradation.stages import Filter, Stage
from inperson.degradation.suppression import Gate, NoiseSuppression
from inperson.types import Floats


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """What becomes of the sound, in the order of the attributes; with everything left out it keeps its channels.

    Attributes
    ----------
    rate : int
        Sampling rate (Hz) at which the voice travels.
    room : float
        RT60 (s) of a synthetic room; 0 for none.
    direct : float
        Direct-to-reverberant ratio (dB) of that room.
    snr : float or None
        Active speech level over background noise, dB; None for no noise.
    noise : str
        ``"white"``, ``"pink"`` or ``"babble"``.
    microphone : float
        Standard deviation (dB) of a random smooth response; 0 for none.
    echo : float
        Acoustic echo, dB below the voice (a positive number); 0 for none.
    suppression : float
        Most that noise suppression takes away, dB; 0 for none.
    gate : bool
        Whether pauses become exact zeros.
    gain : float or None
        Level (dBFS, RMS) that automatic gain aims at; None for none.
    level : float
        Fixed gain, dB, clipped at full scale.
    band : (float, float) or None
        Lower and upper edge (Hz) of what is let through.
    codecs : tuple of str
        Names in `inperson.degradation.codecs.CODECS`, one passage each.
    loss : LossModel or None
        Lost packets, concealed.
    """

    rate: int = 48000
    room: float = 0.0
    direct: float = 3.0
    snr: float | None = None
    noise: NoiseKind = "pink"
    microphone: float = 0.0
    echo: float = 0.0
    suppression: float = 0.0
    gate: bool = False
    gain: float | None = None
    level: float = 0.0
    band: tuple[float, float] | None = None
    codecs: tuple[str, ...] = ()
    loss: LossModel | None = None

    @property
    def untouched(self) -> bool:
        """Whether no rung is taken."""
        return self == SoundSettings(rate=self.rate)


def stages(settings: SoundSettings, rng: np.random.Generator, speech_level: float) -> Iterator[Stage]:
    """The rungs that `settings` call for, in order.

    Parameters
    ----------
    settings : SoundSettings
    rng : numpy.random.Generator
        Each rung draws from a child of its own, whether taken or not, so that one does not change another's draws.
    speech_level : float
        RMS of the voice while it is active (`gain.active_level`), which the noise is measured against.
    """
    rngs = rng.spawn(5)
    yield from _up_to_the_microphone(settings, speech_level, rngs[:4])
    yield from _in_the_client(settings)
    for name in settings.codecs:
        yield codec(name, settings.rate)
    if settings.loss is not None:
        yield PacketLoss(settings.loss, settings.rate, rngs[4])


def _up_to_the_microphone(
    settings: SoundSettings, speech_level: float, rngs: list[np.random.Generator]
) -> Iterator[Stage]:
    rate = settings.rate
    if settings.room:
        yield room(settings.room, settings.direct, rate, rngs[0])
    if settings.snr is not None:
        yield Noise(settings.noise, speech_level * 10 ** (-settings.snr / 20), rate, rngs[1])
    if settings.microphone:
        yield microphone(settings.microphone, rate, rngs[2])
    if settings.echo:
        yield echo(settings.echo, rate, rngs[3])


def _in_the_client(settings: SoundSettings) -> Iterator[Stage]:
    rate = settings.rate
    if settings.suppression:
        yield NoiseSuppression(rate, settings.suppression)
    if settings.gate:
        yield Gate(rate)
    if settings.gain is not None:
        yield AutomaticGain(rate, settings.gain)
    if settings.level:
        yield Gain(settings.level)
    if settings.band is not None:
        yield band_limit(*settings.band, rate)


def band_limit(low: float, high: float, rate: int, sharp: float = 0.05) -> Filter:
    """Only `low` to `high` (Hz) is let through; 0 or half of `rate` for no edge.

    A windowed filter (Kaiser, 70 dB) whose transition is `sharp` times the upper edge wide, 100 Hz below `low`.
    """
    from scipy.signal import firwin, kaiserord

    edges = [edge for edge in (low, min(high, rate / 2)) if 0 < edge < rate / 2]
    if not edges:
        return Filter(np.ones(1, np.float32))
    width = min(100.0, low) if low > 0 else sharp * high
    count, beta = kaiserord(70.0, width / (rate / 2))
    taps = firwin(count | 1, edges, window=("kaiser", beta), fs=rate, pass_zero=low <= 0)
    return Filter(taps.astype(np.float32), delay=(count | 1) // 2)


def microphone(deviation: float, rate: int, rng: np.random.Generator) -> Filter:
    """A smooth random response: `deviation` dB (standard) at ten knots of frequency, and a low cut of 20 to 200 Hz."""
    from scipy.signal import firwin2

    knots = np.array([0, 150, 400, 900, 1800, 3200, 5000, 8000, 14000, 24000.0])
    gains = rng.normal(0.0, deviation, len(knots))
    cut = rng.uniform(20.0, 200.0)
    frequency = np.linspace(0, rate / 2, 257)
    curve = np.interp(frequency, knots, gains) - 10 * np.log10(1 + (cut / np.maximum(frequency, 1)) ** 4)
    count = round(0.02 * rate) | 1
    taps = firwin2(count, frequency, 10 ** (np.maximum(curve, -60) / 20), fs=rate)
    return Filter(taps.astype(np.float32), delay=count // 2)


def whole(x: Floats, settings: SoundSettings, rng: np.random.Generator) -> Floats:
    """A whole sound (n,) at ``settings.rate`` through the rungs, aligned with what went in."""
    from inperson.degradation.gain import active_level
    from inperson.degradation.stages import through

    return through(x, stages(settings, rng, active_level(x, settings.rate)))
