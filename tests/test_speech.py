"""Hearing a recording: parity with the original networks, one grid whatever the chunks, and turns by each way.

The speech is the project's own samples (their origin is in samples/README.md); goldens/speech.json was made by the
original Silero VAD, librosa and Resemblyzer (training/speech/parity.py) on the signal made here.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from inperson.channels import separate
from inperson.speaker_embedding import MelFrames, embed, mel_matrix
from inperson.speech import Listener, speech_spans
from inperson.types import Chunk, Floats, Span, Turn
from inperson.voice_activity import VoiceActivity

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"
RATE = 16000


def synthetic(seconds: float = 3.2) -> Floats:
    """The signal of training/speech/parity.py: a buzz with two moving formants, two pauses, faint noise."""
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.9 * time)) / RATE
    first, second = 500 + 250 * np.sin(2 * np.pi * 2.1 * time), 1500 + 500 * np.sin(2 * np.pi * 1.3 * time + 1)
    out = np.zeros(len(time))
    for harmonic in range(1, 50):
        pitch = harmonic * (120 + 25 * np.sin(2 * np.pi * 0.9 * time))
        gain = 1 / (1 + ((pitch - first) / 120) ** 2) + 0.5 / (1 + ((pitch - second) / 160) ** 2)
        out += gain * np.sin(harmonic * phase) * (pitch < 7500)
    syllables = np.clip(np.sin(2 * np.pi * 3.7 * time) + 0.6, 0, 1) * ((time % 1.6) < 1.25)
    noise = np.sin(np.arange(len(time)) ** 2 * 0.37)
    return (0.12 * out * syllables + 0.0005 * noise).astype(np.float32)


@functools.cache
def sample(name: str) -> Floats:
    """A sample's sound, 16 kHz mono."""
    import av

    with av.open(str(SAMPLES / name)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        parts = [r.to_ndarray()[0] for f in container.decode(audio=0) for r in resampler.resample(f)]
        parts += [r.to_ndarray()[0] for r in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)


@functools.cache
def dialogue() -> tuple[Floats, tuple[tuple[float, float, int], ...]]:
    """(n, 2) one voice a channel, about 40 s, and (start, end, channel) of each turn, from pieces of two samples."""
    voices = [sample("genuine_voice.flac"), sample("synthetic_voice.flac")]
    noise = np.random.default_rng(0).standard_normal((44 * RATE, 2)) * 0.0005
    out, turns, at, taken = noise.astype(np.float32), [], int(0.5 * RATE), [0, 0]
    for i, seconds in enumerate((3.0, 2.5, 4.0, 3.0, 2.0, 3.5, 2.5, 2.0)):
        who, size = i % 2, int(seconds * RATE)
        piece = voices[who][taken[who] : taken[who] + size]
        taken[who] += size
        out[at : at + len(piece), who] += piece * (0.08 / np.sqrt(np.mean(piece**2)))
        turns.append((at / RATE, (at + len(piece)) / RATE, who))
        at += len(piece) + int(0.4 * RATE)
    return out[: at + RATE // 2], tuple(turns)


def hear(
    audio: Floats, size: int = 8000, channels: Floats | None = None, start: float = 0.0
) -> tuple[Listener, list[Chunk]]:
    listener, out = Listener(), []
    for at in range(0, len(audio), size):
        part = audio[at : at + size]
        span = Span(start + at / RATE, start + (at + len(part)) / RATE)
        more = np.zeros((0, 0), np.float32) if channels is None else channels[at : at + size]
        out.append(listener.update(Chunk(span, audio=part, channels=more)))
    return listener, out


def share_right(turns: tuple[Turn, ...], truth: tuple[tuple[float, float, int], ...], speaker: dict[int, str]) -> float:
    """Share of the true turns' time that the right label covers."""
    right = total = 0.0
    for start, end, who in truth:
        found = [turn.span & Span(start, end) for turn in turns if turn.speaker == speaker[who]]
        right += sum(part.duration for part in found if part)
        total += end - start
    return right / total


@functools.cache
def goldens() -> dict[str, list[float]]:
    document: dict[str, list[float]] = json.loads((HERE / "goldens" / "speech.json").read_text(encoding="utf-8"))
    return document


def test_voice_activity_agrees_with_silero() -> None:
    found = VoiceActivity().update(synthetic())
    np.testing.assert_allclose(found, goldens()["speech"], atol=2e-4)
    assert found.min() < 0.1 < 0.9 < found.max()


def test_mel_and_embedding_agree_with_resemblyzer() -> None:
    frames = MelFrames()
    mel = np.concatenate([frames.update(synthetic())[0], frames.finish()[0]])
    assert len(mel) == 321
    np.testing.assert_allclose(mel[goldens()["mel_rows"]], goldens()["mel"], rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(embed(mel[None, :160])[0], goldens()["embedding"], atol=2e-5)
    assert np.linalg.norm(goldens()["embedding"]) == pytest.approx(1, abs=1e-4)


def test_mel_bands_are_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    np.testing.assert_allclose(mel_matrix(), librosa.filters.mel(sr=RATE, n_fft=400, n_mels=40), atol=1e-8)


def test_frame_power_is_the_mean_square() -> None:
    tone = (0.2 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    power = MelFrames().update(tone)[1]
    np.testing.assert_allclose(power[5:-5], 0.02, rtol=0.01)


def test_values_lie_on_one_grid_from_the_first_sample() -> None:
    _, chunks = hear(synthetic(2.0), size=700, start=7.5)
    count = 0
    for chunk in chunks:
        assert chunk.speech_start == pytest.approx(7.5 + count * 0.032)
        count += len(chunk.speech)
        assert 0 <= chunk.span.end - (7.5 + count * 0.032) < 0.032
    assert count == 2 * RATE // 512


@pytest.mark.parametrize("size", [511, 12345, 10**9])
def test_chunk_length_changes_nothing(size: int) -> None:
    audio = dialogue()[0][: 15 * RATE].sum(axis=1)
    expected, chunks = hear(audio)
    found, other = hear(audio, size)
    speech = [np.concatenate([chunk.speech for chunk in each]) for each in (chunks, other)]
    np.testing.assert_allclose(*speech, atol=1e-6)
    assert found.finish() == expected.finish()
    assert found.speech == expected.speech
    assert found._windows.spans == expected._windows.spans


def test_two_voices_in_one_channel_are_told_apart() -> None:
    tracks, truth = dialogue()
    turns, source = hear(tracks.sum(axis=1))[0].finish()
    assert source == "diarized"
    assert {turn.speaker for turn in turns} == {"S1", "S2"}
    assert turns == tuple(sorted(turns))
    assert share_right(turns, truth, {0: "S1", 1: "S2"}) > 0.85


def test_the_sample_interview_has_its_two_speakers() -> None:
    turns, _ = hear(sample("interview.mp4"))[0].finish()
    rows = [line.split() for line in (SAMPLES / "interview.rttm").read_text().splitlines()]
    truth = tuple((float(r[3]), float(r[3]) + float(r[4]), int(r[7] == "candidate")) for r in rows)
    assert {turn.speaker for turn in turns} == {"S1", "S2"}
    assert share_right(turns, truth, {0: "S1", 1: "S2"}) > 0.85


@pytest.mark.parametrize("name", ["genuine_voice.flac", "synthetic_voice.flac"])
def test_one_voice_stays_one(name: str) -> None:
    turns, source = hear(sample(name))[0].finish()
    assert source == "diarized"
    assert {turn.speaker for turn in turns} == {"S1"}


def test_a_channel_for_each_voice_makes_the_turns() -> None:
    tracks, truth = dialogue()
    turns, source = hear(tracks.mean(axis=1), channels=tracks)[0].finish()
    assert source == "channels"
    assert share_right(turns, truth, {0: "channel 0", 1: "channel 1"}) > 0.85
    assert not any(a.span & b.span for a in turns for b in turns if a.speaker < b.speaker)


def test_a_voice_heard_through_in_the_other_channel_is_not_its_own() -> None:
    tracks, truth = dialogue()
    bleeding = (tracks + 0.1 * tracks[:, ::-1]).astype(np.float32)
    turns, source = hear(bleeding.mean(axis=1), channels=bleeding)[0].finish()
    assert source == "channels"
    assert share_right(turns, truth, {0: "channel 0", 1: "channel 1"}) > 0.85
    wrong = {0: "channel 1", 1: "channel 0"}
    assert share_right(turns, truth, wrong) < 0.2


@pytest.mark.parametrize("kind", ["doubled", "panned", "room", "one side silent"])
def test_channels_that_share_the_voices_are_not_participants(kind: str) -> None:
    tracks, _ = dialogue()
    tracks = tracks[: 20 * RATE]
    mix = tracks.sum(axis=1)
    stereo = {
        "doubled": np.stack([mix, mix], axis=1),
        "panned": np.stack([mix, 0.3 * mix], axis=1),
        "room": np.stack([tracks @ [1.0, 0.6], tracks @ [0.6, 1.0]], axis=1),
        "one side silent": np.stack([mix, np.zeros_like(mix)], axis=1),
    }[kind].astype(np.float32)
    _, source = hear(stereo.mean(axis=1), channels=stereo)[0].finish()
    assert source == "diarized"


def test_exclusive_activity_decides_about_channels() -> None:
    active = np.zeros((400, 2), bool)
    active[:100, 0] = active[100:200, 1] = True
    assert separate(active)
    assert not separate(active | active[:, ::-1])
    active[150:, 1] = False
    active[10:60, 1] = True
    assert separate(active)
    assert not separate(active[:, :1])
    active[100:, 1] = False
    assert not separate(active), "the second channel never speaks alone"
    together = np.ones((400, 2), bool)
    together[:50, 0] = together[50:100, 1] = False
    assert not separate(together), "each speaks alone for 1.6 s, but most speech is in both"


def test_the_callers_turns_come_first() -> None:
    tracks, _ = dialogue()
    listener, _ = hear(tracks[: 3 * RATE].sum(axis=1), channels=tracks[: 3 * RATE])
    given = (Turn(Span(2, 3), "Bob"), Turn(Span(0, 2.5), "Ann", "hello"))
    assert listener.finish(given) == ((given[1], given[0]), "supplied")


def test_silence_and_no_sound_have_no_turns() -> None:
    listener, chunks = hear(np.zeros(3 * RATE, np.float32))
    assert max(chunk.speech.max() for chunk in chunks) < 0.1
    assert listener.finish() == ((), "none")
    listener = Listener()
    chunk = listener.update(Chunk(Span(0, 0.5)))
    assert len(chunk.speech) == 0
    assert listener.finish() == ((), "none")
    assert Listener().finish() == ((), "none")


def test_turns_lie_inside_the_recording() -> None:
    audio = dialogue()[0][:, 0][int(0.5 * RATE) : int(3.0 * RATE)]
    turns, _ = hear(audio, start=10.0)[0].finish()
    assert turns
    assert turns[0].span.start >= 10.0
    assert turns[-1].span.end <= 10.0 + len(audio) / RATE + 0.032


def test_memory_stays_small() -> None:
    audio = np.tile(dialogue()[0].sum(axis=1), 2)
    listener = Listener()
    for at in range(0, len(audio), 8000):
        part = audio[at : at + 8000]
        listener.update(Chunk(Span(at / RATE, (at + len(part)) / RATE), audio=part))
        assert len(listener._windows._frames) < 600
        assert len(listener._windows._waiting) < 16
    listener.finish()
    assert listener._windows._done[0].dtype == np.float16


def test_speech_spans_follow_the_documented_hysteresis() -> None:
    quiet, loud, between = [0.1], [0.9], [0.4]
    values = quiet * 10 + loud * 20 + between * 2 + loud * 5 + quiet * 10 + loud * 7 + quiet * 10 + loud * 10
    spans = speech_spans(np.array(values, np.float32), start=1.0)
    hop = 0.032
    assert spans == (
        Span(1 + 10 * hop - 0.015, 1 + 37 * hop - 0.035),
        Span(1 + 64 * hop - 0.015, 1 + 74 * hop),
    ), "7 values are 224 ms, under the 250 ms of speech"
    assert speech_spans(np.zeros(0, np.float32)) == ()


def test_short_pauses_split_only_when_asked() -> None:
    values = np.array([0.9] * 20 + [0.1] * 6 + [0.9] * 20, np.float32)
    assert len(speech_spans(values)) == 2
    assert len(speech_spans(values, min_silence=0.3)) == 1
