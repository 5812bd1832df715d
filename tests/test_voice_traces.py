"""Traces of a machine in a voice: known answers, honest silence, chunking, memory."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import butter, ellip, lfilter, sosfilt, sosfiltfilt

from inperson.detectors._voice_traces import VoiceTraces, band, mouth_level, pauses, pitch_steps, room, seams
from inperson.detectors._voice_traces._blocks import HOP, RATE
from inperson.types import Chunk, Floats, Measurement, Span

HOP_SECONDS = HOP / RATE


def voice(seconds: float, seed: int = 0) -> Floats:
    """Glottal pulses with jitter and breath through fixed resonances, 3 to 5 syllables a second; peak 0.5."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    wander = np.cumsum(rng.standard_normal(n)) / np.sqrt(RATE)
    pitch = 120 * np.exp(0.15 * np.sin(2 * np.pi * 0.4 * t + wander) + 0.01 * wander)
    pulses = np.diff(np.floor(np.cumsum(pitch / RATE)), prepend=0.0)
    sound = np.convolve(pulses, np.hanning(14)[1:-1], mode="same") + 0.05 * rng.standard_normal(n)
    for centre, width in ((500, 80), (1500, 120), (2600, 200), (3800, 300)):
        decay = math.exp(-math.pi * width / RATE)
        turn = -2 * decay * math.cos(2 * math.pi * centre / RATE)
        sound = sound + lfilter([1 - decay], [1, turn, decay**2], sound)
    rate = 4 + 0.8 * np.sin(2 * np.pi * 0.23 * t) + 0.3 * wander
    sound *= 0.02 + np.clip(np.sin(2 * np.pi * np.cumsum(rate) / RATE), 0, 1)
    sound += 1e-4 * np.abs(sound).max() * rng.standard_normal(n)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


VOICE = voice(40.0)


def push(traces: VoiceTraces, sound: Floats, talking: list[Span], length: int = 8000, start: float = 0.0) -> None:
    """Feed `sound` in chunks of `length` samples, with speech probability 1 in `talking` and 0 elsewhere."""
    middles = start + (np.arange(len(sound) // HOP) + 0.5) * HOP_SECONDS
    speech = np.array([float(any(m in span for span in talking)) for m in middles], np.float32)
    for first in range(0, len(sound), length):
        part = sound[first : first + length]
        low, high = first // HOP, (first + len(part)) // HOP
        span = Span(start + first / RATE, start + (first + len(part)) / RATE)
        traces.push(Chunk(span, audio=part, speech=speech[low:high], speech_start=start + low * HOP_SECONDS))


def traced(sound: Floats, talking: list[Span] | None = None, length: int = 8000) -> dict[str, Measurement]:
    traces = VoiceTraces()
    push(traces, sound, [Span(0, len(sound) / RATE)] if talking is None else talking, length)
    return traces.finish()


def cut_in_blocks(sound: Floats, period: float) -> Floats:
    """Each block from a slightly different place, joined hard."""
    rng = np.random.default_rng(1)
    out = sound.copy()
    for first in range(0, len(sound), round(period * RATE)):
        stop = first + round(period * RATE)
        out[first:stop] = np.roll(sound, int(rng.integers(500, 5000)))[first:stop]
    return out


@pytest.mark.parametrize("period", [0.25, 0.34, 0.5])
def test_blocks_are_read_at_their_period(period: float) -> None:
    found = traced(cut_in_blocks(VOICE, period))
    assert found["block_period"].unit == "ms"
    assert found["block_period"].value == pytest.approx(1000 * period, rel=0.005)
    assert found["block_period_significance"].value > seams.SIGNIFICANT


@pytest.mark.parametrize("seed", range(4))
def test_no_blocks_are_read_where_none_are(seed: int) -> None:
    found = traced(voice(20.0, seed))
    assert "block_period" not in found
    assert found["block_period_significance"].value < seams.SIGNIFICANT


def test_chance_of_a_period_holds_in_noise() -> None:
    rng = np.random.default_rng(3)
    found = [seams.seams(64 * rng.exponential(size=5000), np.ones(5000, bool)) for _ in range(200)]
    high = [one.significance >= 1 for one in found if one]
    assert len(high) == 200
    assert np.mean(high) <= 0.1


def test_a_single_line_is_no_comb() -> None:
    rng = np.random.default_rng(4)
    t = np.arange(15000) * seams.BIN
    novelty = 64 * rng.exponential(size=len(t)) + 128 * (1 + np.sin(2 * np.pi * 50 * t))
    found = seams.seams(novelty, np.ones(len(t), bool))
    assert found
    assert found.significance < seams.SIGNIFICANT


@pytest.mark.parametrize(("rate", "limit"), [(16000, 3400.0), (48000, 4000.0), (48000, 8000.0), (44100, 16000.0)])
def test_the_end_of_the_content_is_read(rate: int, limit: float) -> None:
    rng = np.random.default_rng(0)
    tilted = lfilter([1.0], [1, -0.5], rng.standard_normal(4 * rate))
    sound = sosfilt(ellip(10, 0.5, 70, limit, fs=rate, output="sos"), tilted) + 1e-4 * rng.standard_normal(4 * rate)
    found = band.band(band.spectrum((0.1 * sound).astype(np.float32), rate), rate)
    assert found
    assert found.cut
    assert found.limit == pytest.approx(limit, abs=300)
    assert found.sharpness > 30


def test_full_band_sound_has_no_cut_off() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(4 * RATE)
    found = band.band(band.spectrum(lfilter([1.0], [1, -0.8], noise).astype(np.float32), RATE), RATE)
    assert found
    assert not found.cut
    assert found.limit == pytest.approx(8000, abs=100)


def test_a_narrow_voice_in_a_wide_container_is_noted() -> None:
    narrow = sosfilt(ellip(10, 0.5, 70, 3400, fs=RATE, output="sos"), VOICE[: 10 * RATE]).astype(np.float32)
    traces = VoiceTraces()
    push(traces, narrow + 1e-5, [Span(0, 10)])
    found = traces.finish(container_rate=48000)
    assert found["content_band_limit"].value == pytest.approx(3400, abs=300)
    assert found["content_share_of_container_band"].value == pytest.approx(0.14, abs=0.02)
    assert any("48000 samples" in note and "Bluetooth" in note for note in traces.notes())


def test_native_sound_decides_where_it_is_there() -> None:
    rng = np.random.default_rng(0)
    native = sosfilt(ellip(10, 0.5, 70, 12000, fs=48000, output="sos"), rng.standard_normal(4 * 48000))
    traces = VoiceTraces()
    for i in range(8):
        part = native[i * 24000 : (i + 1) * 24000, None].astype(np.float32)
        low, high = i * 8000 // HOP, (i + 1) * 8000 // HOP
        speech = np.ones(high - low, np.float32)
        span = Span(i / 2, i / 2 + 0.5)
        sound = part[::3, 0]
        traces.push(
            Chunk(span, audio=sound, native=part, native_rate=48000, speech=speech, speech_start=low * HOP_SECONDS)
        )
    assert traces.finish(container_rate=48000)["content_band_limit"].value == pytest.approx(12000, abs=300)


def with_pauses(floor: Floats) -> tuple[Floats, list[Span]]:
    """Two seconds of voice, one of pause, five times, over `floor`."""
    talking = [Span(3.008 * i, 3.008 * i + 2) for i in range(5)]
    sound = floor[: int(15.04 * RATE)].copy()
    for i, span in enumerate(talking):
        a = round(span.start * RATE)
        sound[a : a + 2 * RATE] += VOICE[i * 2 * RATE :][: 2 * RATE]
    return sound, talking


def room_noise(seed: int = 0) -> Floats:
    """Noise whose level wanders, as rooms' does."""
    rng = np.random.default_rng(seed)
    n = 16 * RATE
    slow = sosfiltfilt(butter(2, 6, fs=RATE, output="sos"), rng.standard_normal(n))
    return (1e-3 * rng.standard_normal(n) * 10 ** (0.15 * slow / slow.std())).astype(np.float32)


def test_digital_silence_is_measured() -> None:
    sound, talking = with_pauses(np.zeros(16 * RATE, np.float32))
    assert traced(sound, talking)["digital_silence_in_pauses"].value == 1.0
    assert "pause_level_movement" not in traced(sound, talking)
    assert traced(*with_pauses(room_noise()))["digital_silence_in_pauses"].value == 0.0
    gated = room_noise()
    gated[[i for i in range(len(gated)) if i // 160 % 4 == 0]] = 0  # a gate in 10 ms steps
    assert traced(*with_pauses(gated))["digital_silence_in_pauses"].value == pytest.approx(0.25, abs=0.02)


def test_quiet_16_bit_sound_is_no_digital_silence() -> None:
    quiet = np.round(np.random.default_rng(0).standard_normal(16 * RATE)) / 32768  # a third of the samples are zero
    assert traced(*with_pauses(quiet.astype(np.float32)))["digital_silence_in_pauses"].value == 0.0


def test_a_steady_floor_is_told_from_a_room() -> None:
    steady = (1e-3 * np.random.default_rng(0).standard_normal(16 * RATE)).astype(np.float32)
    still, moving = traced(*with_pauses(steady)), traced(*with_pauses(room_noise()))
    assert still["pause_level_movement"].value == pytest.approx(0.27, abs=0.06)  # 4.34 dB * sqrt(2 / 512)
    assert moving["pause_level_movement"].value > 1.0
    assert still["repeated_pause_noise"].value == moving["repeated_pause_noise"].value == 0.0


def test_repeated_noise_is_found_and_hum_is_not() -> None:
    rng = np.random.default_rng(5)
    loop = np.tile((1e-3 * rng.standard_normal(3000)).astype(np.float32), 100)
    assert traced(*with_pauses(loop))["repeated_pause_noise"].value >= 0.8
    hum = sum(np.sin(2 * np.pi * 50 * k * np.arange(16 * RATE) / RATE) / k for k in range(1, 40))
    assert traced(*with_pauses((0.002 * hum + room_noise()).astype(np.float32)))["repeated_pause_noise"].value == 0.0
    assert pauses.same(loop[:9000], loop[:1024]) == pytest.approx(1.0, abs=1e-4)


def contour(seconds: float, seed: int = 0) -> Floats:
    """log F0 of a wandering voice every 8 ms, with natural jitter, in runs of half a second."""
    rng = np.random.default_rng(seed)
    n = int(seconds / 0.008)
    slow = np.convolve(rng.standard_normal(n + 40), np.hanning(41) / 5, mode="valid")[:n]
    out = np.log(150) + 0.12 * slow + 0.003 * rng.standard_normal(n)
    out[::62] = np.nan
    return out.astype(np.float32)


@pytest.mark.parametrize("step", [0.015, 0.03])
def test_a_pitch_grid_is_read(step: float) -> None:
    log_f0 = contour(20.0)
    stepped = np.round(log_f0 / step) * step + 0.0005 * np.random.default_rng(1).standard_normal(len(log_f0))
    found = pitch_steps.steps(stepped.astype(np.float32), np.ones(len(log_f0), np.float32))
    assert found
    assert found.step == pytest.approx(150 * step, rel=0.15)
    assert found.significance > 6


def test_rvcs_mel_grid_is_read() -> None:
    mels = pitch_steps.mel(contour(20.0).astype(np.float64))
    log_f0 = np.log(700 * np.expm1(np.round(mels / 3.9) * 3.9 / 1127))
    found = pitch_steps.steps(log_f0, np.ones(len(log_f0)))
    assert found
    assert found.step == pytest.approx(3.9 * (700 + 150) / 1127, rel=0.1)
    assert found.significance > 6
    assert found.still > 0.2


@pytest.mark.parametrize("seed", range(5))
def test_a_natural_pitch_keeps_to_no_grid(seed: int) -> None:
    log_f0 = contour(20.0, seed)
    found = pitch_steps.steps(log_f0, np.ones(len(log_f0), np.float32))
    assert found
    assert found.significance < 2
    assert found.still < 0.1
    assert found.roughness == pytest.approx(0.6745 * 0.003 * math.sqrt(6), rel=0.15)


def test_the_pitch_of_sound_is_read_finely() -> None:
    found = traced(VOICE[: 10 * RATE])
    assert found["pitch_grid_significance"].value < 2
    assert 0 < found["pitch_roughness"].value < 0.02


def test_breaths_are_counted() -> None:
    rng = np.random.default_rng(7)
    sound, talking = with_pauses((1e-3 * rng.standard_normal(16 * RATE)).astype(np.float32))
    breath = sosfilt(butter(4, [1200, 5000], "band", fs=RATE, output="sos"), rng.standard_normal(int(0.3 * RATE)))
    breath *= 0.006 * np.hanning(len(breath))
    breathing = sound.copy()
    for span in talking[1:4]:
        at = round((span.start - 0.5) * RATE)
        breathing[at : at + len(breath)] += breath.astype(np.float32)
    found = traced(breathing, talking)
    assert found["phrases_after_a_pause"].value == 4
    assert found["phrases_with_breath"].value == pytest.approx(0.75)
    assert traced(sound, talking)["phrases_with_breath"].value == 0


@pytest.mark.parametrize("t60", [0.15, 0.3, 0.6])
def test_the_rooms_decay_is_read(t60: float) -> None:
    rng = np.random.default_rng(8)
    t = np.arange(int(t60 * RATE)) / RATE
    echo = rng.standard_normal(len(t)) * 10 ** (-3 * t / t60)
    dry = np.zeros(21 * RATE)
    talking = [Span(2 * i + 0.32, 2 * i + 1.28) for i in range(10)]
    for span in talking:
        dry[round(span.start * RATE) : round(span.end * RATE)] = rng.standard_normal(round(0.96 * RATE))
    wet = np.fft.irfft(np.fft.rfft(dry, 2**19) * np.fft.rfft(echo, 2**19))[: len(dry)]
    wet = 0.1 * wet / np.abs(wet).max() + 1e-6 * rng.standard_normal(len(dry))
    found = traced(wet.astype(np.float32), talking)
    assert found["decay_time"].value == pytest.approx(t60, rel=0.25, abs=0.03)


def test_a_decay_that_meets_the_floor_is_not_read() -> None:
    level = np.concatenate([np.zeros(20), np.linspace(0, -12, 10), np.full(40, -12.0)])
    assert room.decay_slope(level, -12.0) is None


def face(follows: bool, late: float = 0.0, size: float = 0.0) -> tuple[mouth_level.Following | None, Floats]:
    """Lips at 30 frames a second and a level that follows them, or not, for 60 s."""
    rng = np.random.default_rng(9)
    times = np.arange(1800) / 30
    opening = np.convolve(np.abs(rng.standard_normal(1804)), np.ones(5) / 5, mode="valid")
    pixels = 100 * 10 ** (size * np.sin(2 * np.pi * times / 30) / 20)
    at = np.arange(7500) * 0.008
    other = np.convolve(np.abs(rng.standard_normal(1804)), np.ones(5) / 5, mode="valid")
    level = 20 * np.interp(at - late, times, opening if follows else other) - 40
    level += 20 * np.log10(np.interp(at, times, pixels) / 100) if follows else 0.0
    level += 2 * rng.standard_normal(len(at))
    return mouth_level.following(times, opening, pixels, level, np.ones(7500, bool), 0.0, 0.008), level


def test_a_level_that_follows_the_mouth_does_so_beyond_chance() -> None:
    found, _ = face(True, late=0.2)
    assert found
    assert found.mouth > 0.7
    assert found.mouth > 2 * found.chance
    assert found.lag == pytest.approx(0.2, abs=0.05)
    assert math.isnan(found.distance)  # the face did not move


def test_a_level_of_its_own_does_not_follow() -> None:
    found, _ = face(False)
    assert found
    assert found.mouth < found.chance + 0.1


def test_the_level_follows_the_distance() -> None:
    near, _ = face(True, size=4.0)
    apart, _ = face(False, size=4.0)
    assert near
    assert apart
    assert near.distance == pytest.approx(1.0, abs=0.25)
    assert abs(apart.distance) < 0.25


def test_without_a_face_nothing_is_said_of_it() -> None:
    empty = np.zeros(0)
    assert mouth_level.following(empty, empty, empty, VOICE[:1000], np.ones(1000, bool), 0.0, 0.008) is None
    traces = VoiceTraces()
    push(traces, VOICE[: 10 * RATE], [Span(0, 10)])
    found = traces.finish(mouth=(empty, empty, empty))
    assert not [name for name in found if name.startswith("level_follows")]


def test_a_mouth_is_taken_in() -> None:
    traces = VoiceTraces()
    push(traces, VOICE, [Span(0, 40)])
    times = np.arange(0, 40, 0.04)
    loud = np.sqrt(np.square(VOICE).reshape(-1, 640).mean(axis=1))
    found = traces.finish(mouth=(times + 0.02, np.log(loud + 1e-3), np.full(1000, 90.0)))
    assert found["level_follows_mouth"].value > 0.9
    assert abs(found["level_follows_mouth_lag"].value) <= 40


@pytest.mark.parametrize("length", [100, 511, 16000, 640000])
def test_the_chunks_length_does_not_matter(length: int) -> None:
    sound, talking = with_pauses(room_noise())
    assert traced(sound, talking, length) == traced(sound, talking)


def test_only_the_candidates_own_speech_counts() -> None:
    blocks = cut_in_blocks(VOICE[: 20 * RATE], 0.25)
    traces = VoiceTraces()
    push(traces, np.concatenate([VOICE[20 * RATE :], blocks]), [Span(0, 40)])
    assert "block_period" in traces.finish([Span(20, 40)])
    assert "block_period" not in traces.finish([Span(0, 20)])
    assert traces.finish([Span(50, 60)]) == {}


SILENCE = np.zeros(10 * RATE, np.float32)
NOISE = (0.01 * np.random.default_rng(0).standard_normal(10 * RATE)).astype(np.float32)
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32)
HOLED = np.where((np.arange(10 * RATE) // 5000) % 3 == 0, np.float32(np.nan), VOICE[: 10 * RATE])


@pytest.mark.parametrize("talks", [True, False])
@pytest.mark.parametrize(
    "sound",
    [SILENCE, NOISE, TONE, HOLED, VOICE[:600], VOICE[:0], np.full(RATE * 4, np.inf, np.float32)],
    ids=["silence", "noise", "tone", "holes", "short", "none", "infinite"],
)
def test_odd_sound_gives_finite_values_or_none(sound: Floats, talks: bool) -> None:
    traces = VoiceTraces()
    push(traces, sound, [Span(0, 10)] if talks else [])
    found = traces.finish()
    assert all(math.isfinite(one.value) for one in found.values())
    assert "block_period" not in found
    assert "pitch_grid_step" not in found
    if not talks:
        assert set(found) <= {name for name in found if "pause" in name}


def test_gaps_are_no_zeros_in_pauses() -> None:
    sound, talking = with_pauses(np.zeros(16 * RATE, np.float32))
    traces = VoiceTraces()
    speech = np.array([float(any(h * HOP_SECONDS in s for s in talking)) for h in range(len(sound) // HOP)], np.float32)
    holes = tuple(Span(a.end, b.start) for a, b in pairwise(talking))
    traces.push(Chunk(Span(0, len(sound) / RATE), audio=sound, gaps=(*holes, Span(14, 15.04)), speech=speech))
    assert "digital_silence_in_pauses" not in traces.finish()


def test_a_stream_that_starts_late_keeps_its_times() -> None:
    traces = VoiceTraces()
    push(traces, cut_in_blocks(VOICE, 0.25), [Span(100, 140)], start=100.0)
    assert "block_period" in traces.finish([Span(100, 140)])
    assert traces.finish([Span(0, 40)]) == {}


def test_finish_can_be_asked_again() -> None:
    traces = VoiceTraces()
    push(traces, VOICE, [Span(0, 40)])
    assert traces.finish() == traces.finish()
    assert len(traces.notes()) == len(set(traces.notes()))


def test_it_is_quick() -> None:
    started = time.process_time()
    traced(VOICE)
    assert time.process_time() - started < 40 / 60  # the aim is 40 / 150; test machines are slow
