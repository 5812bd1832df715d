"""The rungs on sound, against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from inperson.degradation import codecs, gain, noise, packet_loss, rooms, sound, suppression
from inperson.degradation.packet_loss import LossModel
from inperson.degradation.sound import SoundSettings
from inperson.degradation.stages import Chain, Filter, Resample, through
from inperson.errors import InputError

RATE = 16000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def speechlike(seconds: float = 4.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Noise of 200 to 3000 Hz that swells four times a second, with pauses."""
    at = np.arange(int(seconds * rate)) / rate
    carrier = sum(np.sin(2 * np.pi * f * at + p) for f, p in rng(seed).uniform((200, 0), (3000, 6.3), (40, 2)))
    swell = np.maximum(0.0, np.sin(2 * np.pi * 2 * at)) * (np.sin(2 * np.pi * 0.3 * at) > -0.5)
    return (0.3 * carrier * swell / 10).astype(np.float32)


def tone(frequency: float, seconds: float = 1.0, rate: int = RATE, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def decibel(x: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-20))


def level_above(x: np.ndarray, edge: float, rate: int) -> float:
    """Energy above `edge` (Hz) relative to all, dB."""
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    return float(10 * np.log10(power[np.fft.rfftfreq(len(x), 1 / rate) > edge].sum() / power.sum() + 1e-20))


def lag(x: np.ndarray, y: np.ndarray) -> int:
    from scipy.signal import correlate

    return int(np.argmax(correlate(y, x, method="fft"))) - (len(x) - 1)


STAGES = {
    "room": lambda: rooms.room(0.3, 3.0, RATE, rng()),
    "echo": lambda: rooms.echo(20.0, RATE, rng()),
    "noise": lambda: noise.Noise("babble", 0.01, RATE, rng()),
    "microphone": lambda: sound.microphone(4.0, RATE, rng()),
    "band": lambda: sound.band_limit(300, 3400, RATE),
    "suppression": lambda: suppression.NoiseSuppression(RATE, 15.0),
    "gate": lambda: suppression.Gate(RATE),
    "gain": lambda: gain.AutomaticGain(RATE),
    "loss": lambda: packet_loss.PacketLoss(LossModel.of(0.1, 2.0), RATE, rng()),
    "opus": lambda: codecs.codec("opus_16k", RATE),
    "msbc": lambda: codecs.codec("msbc", RATE),
}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_keeps_the_length_and_does_not_care_how_the_sound_is_cut(name: str) -> None:
    x = speechlike(1.5)[:23457]
    whole, cut = through(x, [STAGES[name]()], block=len(x)), through(x, [STAGES[name]()], block=777)
    assert len(whole) == len(cut) == len(x)
    assert np.abs(whole - cut).max() < 1e-4
    assert len(through(x[:0], [STAGES[name]()])) == 0


@pytest.mark.parametrize("name", codecs.CODECS)
def test_a_codec_leaves_the_sound_where_it_was(name: str) -> None:
    x = speechlike(2.0, 48000)
    y = through(x, [codecs.codec(name, 48000)])
    assert len(y) == len(x)
    assert abs(lag(x, y)) <= 48  # 1 ms
    assert decibel(y - x) < decibel(x) + 3
    assert not np.array_equal(x, y)


def test_an_unknown_codec_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'opium'.*opus_32k"):
        codecs.codec("opium", RATE)


def test_a_symmetric_filter_and_a_resampler_do_not_shift() -> None:
    x = speechlike()
    assert lag(x, through(x, [sound.band_limit(0, 3400, RATE)])) == 0
    assert lag(x, through(x, [Chain((Resample(RATE, 48000), Resample(48000, RATE)))])) == 0
    assert np.allclose(through(x, [Filter(np.array([0, 0, 1.0], np.float32), delay=2)]), x, atol=1e-6)


@pytest.mark.parametrize(("name", "highest"), [("g711u", 4000), ("g726", 4000), ("amr_nb", 4000), ("mp3_32k", 8000)])
def test_a_narrow_codec_leaves_nothing_above_its_band(name: str, highest: int) -> None:
    x = (0.1 * rng().standard_normal(96000)).astype(np.float32)
    y = through(x, [codecs.codec(name, 48000)])
    assert level_above(y, 1.02 * highest, 48000) < -45
    assert level_above(x, highest, 48000) > -3


def test_the_band_is_what_was_asked() -> None:
    y = through((0.1 * rng().standard_normal(96000)).astype(np.float32), [sound.band_limit(300, 3400, RATE)])
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    frequency = np.fft.rfftfreq(len(y), 1 / RATE)
    inside = power[(frequency > 400) & (frequency < 3200)].mean()
    assert power[frequency < 200].mean() < 1e-5 * inside
    assert power[frequency > 3600].mean() < 1e-5 * inside


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
@pytest.mark.parametrize("snr", [5.0, 20.0])
def test_the_noise_is_as_far_below_the_voice_as_asked(kind: noise.NoiseKind, snr: float) -> None:
    x = tone(440.0, 20.0)
    y = sound.whole(x, SoundSettings(rate=RATE, snr=snr, noise=kind), rng(3))
    assert decibel(x) - decibel(y - x) == pytest.approx(snr, abs=0.5)


def test_pauses_do_not_count_as_voice() -> None:
    x = np.concatenate([tone(440.0, 1.0), np.zeros(3 * RATE, np.float32)])
    assert gain.active_level(x, RATE) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert gain.active_level(np.zeros(RATE, np.float32), RATE) == gain.active_level(x[:0], RATE) == 0.0


@pytest.mark.parametrize("rt60", [0.2, 0.6])
def test_the_room_decays_as_fast_as_asked(rt60: float) -> None:
    response = rooms.impulse_response(rt60, 0.0, RATE, rng(1))
    left = 10 * np.log10(np.cumsum(response[::-1].astype(float) ** 2)[::-1] / np.sum(response.astype(float) ** 2))
    first, last = (int(np.argmax(left < down)) for down in (-5.0, -25.0))  # Schroeder 1965; T20 as in ISO 3382
    assert 3 * (last - first) / RATE == pytest.approx(rt60, rel=0.15)


def test_the_room_has_the_direct_sound_asked_for() -> None:
    response = rooms.impulse_response(0.5, 6.0, RATE, rng()).astype(float)
    assert 10 * np.log10(response[0] ** 2 / np.sum(response[1:] ** 2)) == pytest.approx(6.0, abs=0.01)


def test_an_echo_comes_once_and_late_and_as_quiet_as_asked() -> None:
    click = np.zeros(RATE, np.float32)
    click[0] = 1.0
    y = through(click, [rooms.echo(20.0, RATE, rng())])
    assert y[0] == pytest.approx(1.0, abs=1e-4)
    assert np.abs(y[1 : int(0.11 * RATE)]).max() < 1e-4
    assert decibel(y[1:]) - decibel(click) == pytest.approx(-20.0, abs=0.5)


def test_automatic_gain_brings_quiet_and_loud_to_one_level() -> None:
    for amplitude in (0.02, 0.5):
        y = through(tone(300.0, 6.0, amplitude=amplitude), [gain.AutomaticGain(RATE, -23.0)])
        assert decibel(y[-RATE:]) == pytest.approx(-23.0, abs=0.5)
    assert np.abs(through(tone(300.0, 0.2, amplitude=1.0), [gain.Gain(12.0)])).max() == 1.0


def test_suppression_takes_the_noise_and_leaves_the_voice() -> None:
    hiss = (0.003 * rng().standard_normal(4 * RATE)).astype(np.float32)
    voice = speechlike(4.0)
    y = through(np.concatenate([hiss, voice + hiss]), [suppression.NoiseSuppression(RATE, 15.0)])
    assert decibel(y[2 * RATE : 4 * RATE]) < decibel(hiss) - 8
    assert decibel(y[4 * RATE :]) == pytest.approx(decibel(voice), abs=1.0)


def test_the_gate_writes_exact_zeros_into_pauses_only() -> None:
    x = np.concatenate([tone(300.0), tone(300.0, amplitude=0.001), tone(300.0)])
    y = through(x, [suppression.Gate(RATE)])
    assert not y[int(1.3 * RATE) : 2 * RATE].any()
    assert np.array_equal(y[:RATE], x[:RATE])
    assert np.array_equal(y[2 * RATE :], x[2 * RATE :])


# Packet loss


def test_losses_have_the_rate_and_the_bursts_asked_for() -> None:
    count = 100_000
    lost = packet_loss.losses(LossModel.of(0.05, 2.5), count, rng())
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(int), [0]]))))[::2]
    # The variance of a Gilbert chain's mean is that of coin flips times (1 + c) / (1 - c), c its correlation
    correlation = 1 - 0.4 - 0.05 / 2.5 / 0.95
    error = np.sqrt(0.05 * 0.95 / count * (1 + correlation) / (1 - correlation))
    assert abs(lost.mean() - 0.05) < 4 * error
    assert runs.mean() == pytest.approx(2.5, rel=0.06)
    assert LossModel(0.01, 0.3, 0.002, 0.5).rate == pytest.approx((0.01 * 0.5 + 0.3 * 0.002) / 0.31)


@pytest.mark.parametrize("frequency", [100.0, 200.0, 437.0])
@pytest.mark.parametrize("lost_ms", [10, 20])
def test_a_lost_tone_is_continued(frequency: float, lost_ms: int) -> None:
    rate, count = 8000, 80
    x = tone(frequency, 0.2, rate)
    concealment = packet_loss.Concealment(rate)
    gone = 8 + np.arange(lost_ms // 10)
    parts = [
        concealment.lost(count) if k in gone else concealment.good(x[k * count : (k + 1) * count]) for k in range(20)
    ]
    y = np.concatenate([*parts, concealment.rest()])
    first, last = gone[0] * count, (gone[-1] + 1) * count
    assert len(y) == len(x)
    assert decibel(y[first:last] - x[first:last]) < decibel(x) - 10
    assert decibel((y - x)[: first - 40]) < -150
    assert decibel((y - x)[last + 160 :]) < -150
    assert np.abs(np.diff(y)).max() < 1.3 * np.abs(np.diff(x)).max()  # no clicks


def test_what_comes_after_a_loss_is_blended_in() -> None:
    x = 0.5 * np.cos(2 * np.pi * 200 * np.arange(1600) / 8000).astype(np.float32)
    concealment = packet_loss.Concealment(8000)
    parts = [concealment.good(x[:800]), concealment.lost(160), concealment.good(-x[960:]), concealment.rest()]
    y = np.concatenate(parts)
    assert np.abs(np.diff(y)).max() < 0.25  # a step of 1 without
    assert np.array_equal(y[1010:], -x[1010:])


def test_a_long_loss_fades_to_silence_in_60_ms() -> None:
    concealment = packet_loss.Concealment(8000)
    concealment.good(tone(200.0, 0.5, 8000))
    made = np.concatenate([concealment.lost(960), concealment.rest()])[30:]
    levels = [np.abs(made[k : k + 80]).max() for k in range(0, 880, 80)]
    assert levels[0] == pytest.approx(0.5, abs=0.02)
    assert levels[3] == pytest.approx(0.5 * 0.6, abs=0.06)
    assert max(levels[6:]) < 1e-6


def test_lost_packets_of_speech_are_not_silence() -> None:
    x = (0.1 * rng().standard_normal(20 * RATE)).astype(np.float32)
    stage = packet_loss.PacketLoss(LossModel.of(0.1, 1.2), RATE, rng(5))
    y = through(x, [stage])
    assert stage.packets == 1000
    assert 60 < stage.lost < 140
    changed = (np.abs(y - x) > 1e-6).reshape(-1, 320).mean(axis=1)
    assert (changed > 0.9).sum() == stage.lost
    silent = (np.abs(y.reshape(-1, 320)).max(axis=1) < 1e-3).sum()
    assert silent <= 0.02 * stage.lost


def test_one_rung_does_not_change_what_another_draws() -> None:
    x = tone(440.0, 2.0)
    loss = LossModel.of(0.1, 2.0)
    alone = sound.whole(x, SoundSettings(rate=RATE, snr=20.0), rng(1)) - x
    plain = sound.whole(x, SoundSettings(rate=RATE, level=-6.0, snr=20.0, loss=loss), rng(1))
    kept = np.abs(plain - 10 ** (-6 / 20) * (x + alone)) < 1e-5
    assert kept.mean() > 0.7
