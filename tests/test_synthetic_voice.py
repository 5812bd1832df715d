"""Synthetic voice: features with known answers, cutting, whose voice counts, abstentions, chunking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inperson import media, models
from inperson.calibration import Calibration
from inperson.detectors import _voice_features as features
from inperson.detectors._utterances import END, HOP, HOP_SECONDS, Cutter, Utterance
from inperson.detectors._voice_band import ends
from inperson.detectors._voice_repeats import repeats
from inperson.detectors.synthetic_voice import MIN_SPEECH, SyntheticVoice, _logits
from inperson.media import AudioInfo, MediaInfo
from inperson.speech import Listener
from inperson.testing import check_detector, rechunk
from inperson.types import Abstention, Candidate, Chunk, Floats, Reading, Session, Span, Turn

RATE = 16000
SAMPLES = Path(__file__).parents[1] / "samples"


def voice(seconds: float, pitch: float = 120.0, seed: int = 0) -> Floats:
    """Glottal pulses and breath through three moving resonances, four syllables a second."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    cycles = np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t)) / RATE)
    source = np.diff(np.floor(cycles), prepend=0.0) + 0.03 * rng.standard_normal(n)
    spectrum_time = np.zeros(n)
    for formant, move, width in ((500, 150, 80), (1500, 400, 120), (2600, 200, 200)):
        centre = formant + move * np.sin(2 * np.pi * 2.3 * t + formant)
        decay = np.exp(-np.pi * width / RATE)
        ring, before, last = np.zeros(n), 0.0, 0.0
        turn = 2 * decay * np.cos(2 * np.pi * centre / RATE)
        for i in range(n):
            ring[i] = last * turn[i] - before * decay**2 + source[i]
            before, last = last, ring[i]
        spectrum_time += ring
    syllables = 0.05 + np.clip(np.sin(2 * np.pi * 4 * t), 0, 1)
    made = spectrum_time * syllables
    return (0.1 * made / np.abs(made).max()).astype(np.float32)


VOICE = voice(6.0)


def recording(sound: Floats, talking: list[Span], start: float = 0.0) -> list[Chunk]:
    """`sound` as one chunk, with speech probability 1 in `talking` and 0 elsewhere."""
    count = len(sound) // HOP
    middles = start + (np.arange(count) + 0.5) * HOP_SECONDS
    speech = np.array([any(m in span for span in talking) for m in middles], np.float32)
    return [Chunk(Span(start, start + len(sound) / RATE), audio=sound, speech=speech, speech_start=start)]


def session(duration: float, turns: tuple[Turn, ...] = (), speaker: str | None = None, sound: bool = True) -> Session:
    audio = (AudioInfo(0, 0, "pcm_s16le", "", RATE, 1, "mono", "s16", 0.0, duration),) if sound else ()
    media = MediaInfo("made-up.wav", "wav", 1, duration, 0.0, None, audio)
    who = Candidate(None, speaker, "Chosen by the test.")
    return Session(media, duration, turns, "supplied" if turns else "none", (), who, "none")


def run(chunks: list[Chunk], found: Session) -> Reading | Abstention:
    detector = SyntheticVoice()
    for chunk in chunks:
        detector.update(chunk)
    return detector.finish(found)


def read(chunks: list[Chunk], found: Session) -> Reading:
    reading = run(chunks, found)
    assert isinstance(reading, Reading), reading
    return reading


def cut(chunks: list[Chunk]) -> list[Utterance]:
    cutter = Cutter()
    return [one for chunk in chunks for one in cutter.push(chunk)] + cutter.close()


# --- features


def test_gain_changes_no_number() -> None:
    loud, soft = features.measure(VOICE), features.measure(VOICE * np.float32(0.003))
    assert list(loud) == list(features.names())
    np.testing.assert_allclose(list(soft.values()), list(loud.values()), atol=2e-2)


def test_a_pulse_train_is_periodic_and_noise_is_not() -> None:
    t = np.arange(2 * RATE)
    pulses = (t % 100 == 0).astype(np.float32)  # 160 Hz
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    tone, hiss = features.measure(pulses), features.measure(noise)
    assert tone["pitch.strength"] > 0.95
    assert tone["pitch.share"] > 0.95
    assert hiss["pitch.share"] < 0.1
    assert tone["phase.settled2"] > 0.99  # every period is the same, so the harmonics keep their phases
    assert tone["lpc.kurt"] > hiss["lpc.kurt"] + 1  # pulses are peaked, Gaussian noise has kurtosis 3
    assert hiss["lpc.kurt"] == pytest.approx(np.log(3), abs=0.1)


def test_modulation_lies_where_the_syllables_are() -> None:
    t = np.arange(4 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(4 * RATE)
    slow = features.measure((noise * np.exp(2 * np.sin(2 * np.pi * 4 * t))).astype(np.float32))
    assert slow["mod.1000.3"] == max(slow[name] for name in slow if name.startswith("mod.1000."))
    assert np.exp(slow["mod.1000.3"]) > 0.8


@pytest.mark.parametrize("edge", [2000, 3400, 5500])
def test_effective_bandwidth_is_where_the_words_end(edge: int) -> None:
    from scipy import signal

    t = np.arange(4 * RATE) / RATE
    rng = np.random.default_rng(0)
    wide = rng.standard_normal(4 * RATE) * np.exp(2.5 * np.sin(2 * np.pi * 4 * t))
    assert ends(wide.astype(np.float32))[0] == 8000
    narrow = signal.fftconvolve(wide, signal.firwin(511, edge, fs=RATE), mode="same")
    hiss = 0.02 * rng.standard_normal(4 * RATE)  # above the edge there is only a steady hiss
    assert ends((narrow + hiss).astype(np.float32))[0] == pytest.approx(edge, abs=300)


@pytest.mark.parametrize("sound", [np.zeros(RATE, np.float32), np.ones(100, np.float32)], ids=["silence", "short"])
def test_nothing_to_measure_is_an_error(sound: Floats) -> None:
    with pytest.raises(ValueError, match="expected"):
        features.measure(sound)


# --- utterances


def test_an_utterance_is_cut_at_its_edges() -> None:
    (found,) = cut(recording(VOICE, [Span(0.96, 3.2)]))
    assert (found.span.start, found.span.end) == (pytest.approx(0.96), pytest.approx(3.2))
    np.testing.assert_array_equal(found.audio, VOICE[round(0.96 * RATE) : round(3.2 * RATE)])
    assert found.speech_seconds == pytest.approx(2.24)


def test_a_short_pause_stays_inside_and_a_long_one_splits() -> None:
    short, long = 0.96 + (END - 1) * HOP_SECONDS, 0.96 + END * HOP_SECONDS
    (joined,) = cut(recording(VOICE, [Span(0, 0.96), Span(short, 3.2)]))
    assert joined.span.end == pytest.approx(3.2)
    assert len(joined.speech) == 2
    apart = cut(recording(VOICE, [Span(0, 0.96), Span(long, 3.2)]))
    assert [round(one.span.start, 3) for one in apart] == [round(long, 3)]  # the first part holds under a second


def test_a_monologue_is_cut_into_pieces_that_touch() -> None:
    sound = np.concatenate([VOICE] * 3)
    found = cut(recording(sound, [Span(0, 18)]))
    assert [one.span.end for one in found[:-1]] == pytest.approx([one.span.start for one in found[1:]])
    assert max(one.span.duration for one in found) <= 5


def test_what_was_not_recorded_is_no_speech_and_no_pause() -> None:
    (chunk,) = recording(VOICE, [Span(0, 2.016), Span(3.2, 6)])
    hole = VOICE.copy()
    hole[round(2.016 * RATE) : round(3.2 * RATE)] = 0
    gap = Chunk(chunk.span, audio=hole, speech=chunk.speech, gaps=(Span(2.016, 3.2),))
    assert sum(one.pause_zeros for one in cut([gap])) == 0
    whole = Chunk(chunk.span, audio=hole, speech=chunk.speech)
    assert cut([whole])[1].pause_zeros > RATE


def test_sound_that_is_no_number_does_not_spread() -> None:
    broken = VOICE.copy()
    broken[20000:20010] = np.nan
    reading = read(recording(broken, [Span(0, 5.9)]), session(6.0))
    assert np.isfinite(reading.score)


# --- the reading


def test_chunk_length_does_not_change_the_reading() -> None:
    sound = np.concatenate([voice(3.0, seed=i) for i in range(4)])
    chunks = recording(sound, [Span(0.3, 5), Span(5.6, 8), Span(8.1, 11.7)], start=0.25)
    whole = read(chunks, session(12.25))
    for seconds in (0.01, 0.1, 0.5, 1.7):
        other = read(rechunk(chunks, seconds), session(12.25))
        assert other.score == whole.score
        assert other.evidence == whole.evidence
        assert other.measurements == whole.measurements


def test_only_the_candidates_own_speech_counts() -> None:
    own, other = voice(5.0, pitch=110), voice(5.0, pitch=220, seed=3)
    both = recording(np.concatenate([own, other, own]), [Span(0, 4.7), Span(5.2, 9.8), Span(10.2, 14.7)])
    turns = (Turn(Span(0, 4.8), "A"), Turn(Span(5.1, 9.9), "B"), Turn(Span(10.1, 14.8), "A"))
    mixed = read(both, session(15.0, turns, "A"))
    assert mixed.measurements["utterances"].value == 2
    assert {(one.span.start > 5 and one.span.end < 10) for one in mixed.evidence} == {False}
    assert {one.speaker for one in mixed.evidence} == {"A"}
    theirs = read(both, session(15.0, turns, "B"))
    everyone = read(both, session(15.0))
    assert theirs.measurements["utterances"].value == 1
    assert theirs.score != pytest.approx(mixed.score, abs=0.01)
    assert everyone.measurements["utterances"].value == 3


def test_speech_under_another_voice_does_not_count() -> None:
    chunks = recording(VOICE, [Span(0, 4.9)])
    turns = (Turn(Span(0, 5), "A"), Turn(Span(1, 3), "B"))
    found = run(chunks, session(6.0, turns, "A"))
    assert isinstance(found, Abstention)
    assert "0.0 s were found" in found.reason


def test_two_voices_and_nobody_chosen_is_an_abstention() -> None:
    turns = (Turn(Span(0, 3), "A"), Turn(Span(3, 6), "B"))
    found = run(recording(VOICE, [Span(0, 6)]), session(6.0, turns))
    assert isinstance(found, Abstention)
    assert "not clear which of the 2 voices" in found.reason


@pytest.mark.parametrize("turns", [(), (Turn(Span(0, 6), "S1"),)], ids=["no turns", "one speaker"])
def test_one_voice_alone_needs_no_choice(turns: tuple[Turn, ...]) -> None:
    reading = read(recording(VOICE, [Span(0, 6)]), session(6.0, turns))
    assert reading.measurements["speech"].value == pytest.approx(4.992)  # the last second is too short


def test_no_sound_is_not_applicable() -> None:
    found = run([Chunk(Span(0, 5))], session(5.0, sound=False))
    assert isinstance(found, Abstention)
    assert not found.applicable


@pytest.mark.parametrize(
    ("sound", "talking", "said"),
    [
        (np.zeros(6 * RATE, np.float32), [], "0.0 s were found"),
        (VOICE, [Span(0, MIN_SPEECH - 0.1)], "s were found"),
        (VOICE * np.float32(1e-3), [Span(0, 6)], "too quiet"),
    ],
    ids=["silence", "short", "quiet"],
)
def test_too_little_is_an_abstention(sound: Floats, talking: list[Span], said: str) -> None:
    found = run(recording(sound, talking), session(6.0))
    assert isinstance(found, Abstention)
    assert found.applicable
    assert said in found.reason


@pytest.mark.parametrize("piece", [0.04, 0.32, 0.77])
def test_a_stream_that_got_stuck_is_an_abstention(piece: float) -> None:
    stuck = np.resize(VOICE[8000 : 8000 + int(piece * RATE)], 8 * RATE)
    found = run(recording(stuck, [Span(0.5, 7.5)]), session(8.0))
    assert isinstance(found, Abstention)
    assert "0.0 s were found; 2 more were one piece of sound over and over" in found.reason


def test_only_what_is_the_same_again_and_again_counts_as_stuck() -> None:
    noise = 0.02 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * np.abs(VOICE).max()
    said_twice = np.concatenate([VOICE[:RATE], VOICE[2 * RATE : 3 * RATE], VOICE[:RATE]])
    assert repeats(np.resize(VOICE[8000:12000], 2 * RATE) + noise)
    assert not any(map(repeats, (VOICE, said_twice, noise, np.zeros(RATE, np.float32), VOICE[:100], VOICE[:0])))


def test_muffled_sound_is_an_abstention() -> None:
    from scipy import signal

    muffled = signal.fftconvolve(VOICE, signal.firwin(511, 1800, fs=RATE), mode="same").astype(np.float32)
    found = run(recording(muffled, [Span(0, 6)]), session(6.0))
    assert isinstance(found, Abstention)
    assert "ends at" in found.reason
    assert found.measurements["effective_bandwidth"].value < 2500


def test_a_telephones_band_is_scored_and_its_low_cut_said() -> None:
    from scipy import signal

    band = signal.butter(8, [300, 3400], "bandpass", fs=RATE, output="sos")
    found = run(recording(signal.sosfilt(band, VOICE).astype(np.float32), [Span(0, 6)]), session(6.0))
    assert isinstance(found, Reading)
    assert found.measurements["low_end"].value < -28


def test_the_low_end_is_a_level_against_the_middle() -> None:
    t = np.arange(RATE) / RATE
    equal = np.sin(2 * np.pi * 150 * t) + np.sin(2 * np.pi * 600 * t)
    weak = 0.1 * np.sin(2 * np.pi * 150 * t) + np.sin(2 * np.pi * 600 * t)
    assert ends(equal.astype(np.float32))[1] == pytest.approx(0, abs=0.5)
    assert ends(weak.astype(np.float32))[1] == pytest.approx(-20, abs=0.5)


def test_residues_under_a_16_bit_step_are_rounded_away() -> None:
    gated = np.where(np.arange(len(VOICE)) < 2 * RATE, 0, VOICE).astype(np.float32)
    residue = np.zeros_like(gated)
    residue[: 2 * RATE] = 1e-7 * np.random.default_rng(0).standard_normal(2 * RATE)
    rounded = features.rounded(gated + residue)
    assert np.array_equal(rounded, features.rounded(gated))
    assert 20 * np.log10(np.sqrt(np.mean(np.square(rounded)))) == pytest.approx(-21, abs=0.01)
    assert not features.rounded(np.zeros(RATE, np.float32)).any()


def test_the_contract() -> None:
    check_detector(SyntheticVoice)


def test_the_networks_hear_nothing_of_gain_or_offset() -> None:
    session = models.session(SyntheticVoice.model)

    def logits(sound: Floats) -> Floats:
        return _logits(session, sound)

    plain = logits(VOICE[: 3 * RATE])
    assert plain.shape == (3,)
    # Half computed in 8 bits: another rounding moves a logit by 0.06, where utterances differ by 2.
    np.testing.assert_allclose(logits(VOICE[: 3 * RATE] * np.float32(0.01)), plain, atol=0.1)
    np.testing.assert_allclose(logits(VOICE[: 3 * RATE] + np.float32(0.02)), plain, atol=0.1)


def test_more_of_the_same_speech_is_a_bolder_score() -> None:
    sound = np.concatenate([VOICE] * 6)
    short = read(recording(sound[: 6 * RATE], [Span(0, 4.9)]), session(6.0))
    long = read(recording(sound, [Span(6 * i, 6 * i + 4.9) for i in range(6)]), session(36.0))
    assert long.measurements["utterances"].value == 6 * short.measurements["utterances"].value
    assert abs(long.score) > abs(short.score)
    assert long.spread < short.spread


def test_a_voice_that_becomes_another_is_cut_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole through the detector; the logits are made up, because no network is sure of a made-up voice."""
    detector = SyntheticVoice()
    sound = np.concatenate([VOICE] * 20)
    real = detector._score

    def told(one: Utterance) -> object:
        found = real(one)
        return None if found is None else replace(found, logit=2.5 if one.span.start > 60 else -2.5)

    monkeypatch.setattr(detector, "_score", told)
    for chunk in recording(sound, [Span(6 * i, 6 * i + 4.9) for i in range(20)]):
        detector.update(chunk)
    reading = detector.finish(session(120.0))
    assert isinstance(reading, Reading)
    assert reading.measurements["changes_of_voice"].value == 1
    assert reading.evidence[0].span.start == pytest.approx(60, abs=6)
    assert "change" in reading.evidence[0].note
    assert reading.score > 0


def test_the_card_fits_the_model_and_claims_no_more_than_its_bound() -> None:
    card = models.card(SyntheticVoice.model)
    assert card.data["input"]["features"]["features"] == len(features.names())
    made = Calibration.from_card(card.calibration)
    assert -1.5 <= made.llr(-1e9) < 0 < made.llr(1e9) <= 1.5


def test_the_samples_come_out_in_order() -> None:
    """Both voices are in the training data: this shows that the parts fit together, not how well it works."""

    def score(name: str) -> float:
        detector, listener = SyntheticVoice(), Listener(speakers=False)
        for chunk in media.chunks(SAMPLES / name):
            detector.update(listener.update(chunk))
        reading = detector.finish(session(12.0))
        assert isinstance(reading, Reading), reading
        return reading.score

    assert score("synthetic_voice.flac") > score("genuine_voice.flac") + 0.3
