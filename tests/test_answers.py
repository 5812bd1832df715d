"""How answers begin and are delivered: made-up answers with known moments, and real speech glued behind a filler."""

from __future__ import annotations

from pathlib import Path

import answering
import numpy as np
import pytest
from answering import RATE, breath, heard, held, mixed, spoken

from inperson.detectors._answers import held as standing
from inperson.detectors._answers.delivery import Delivery, delivery
from inperson.detectors._answers.onset import Onset, onset
from inperson.detectors._answers.sound import Listening, Sound
from inperson.detectors._answers.units import Loudness, nuclei
from inperson.media import Reader
from inperson.speech import Listener
from inperson.types import Chunk, Span

SAMPLES = Path(__file__).parents[1] / "samples"
QUESTION = 1.0
"""Seconds at which the made-up questions end; nobody is heard asking."""


def loudness(sound: Sound) -> Loudness:
    found = Loudness.of(sound, np.ones(len(sound), bool))
    assert found is not None
    return found


def began(parts: list[tuple[float, np.ndarray]], voice: list[Span], seconds: float = 8.0) -> Onset:
    sound = heard(mixed(seconds, parts), voice)
    found = onset(sound, QUESTION, Span(voice[0].start, voice[-1].end), loudness(sound))
    assert found is not None
    return found


# --- onsets


def test_an_answer_that_starts_at_once_is_fluent_from_its_first_sound() -> None:
    found = began([(1.6, spoken(20))], [Span(1.6, 5.6)])
    assert found.first == pytest.approx(1.6, abs=0.05)
    assert found.fluent == pytest.approx(1.6, abs=0.05)
    assert (found.fillers, found.breath) == ((), None)


@pytest.mark.parametrize("length", [0.35, 0.6])
@pytest.mark.parametrize("silence", [0.3, 1.2])
def test_after_a_filled_pause_the_fluent_part_is_found_within_100_ms(length: float, silence: float) -> None:
    start = 1.4 + length + silence
    found = began([(1.4, held(length)), (start, spoken(20))], [Span(1.4, 1.4 + length), Span(start, start + 4)])
    assert found.first == pytest.approx(1.4, abs=0.05)
    assert found.fluent == pytest.approx(start, abs=0.1)
    (filler,) = found.fillers
    assert filler.duration == pytest.approx(length, abs=0.15)
    assert found.silence == pytest.approx(silence, abs=0.1)
    assert found.delay == pytest.approx(length + silence, abs=0.1)


def test_um_that_runs_into_the_answer_is_parted_from_it_without_any_silence() -> None:
    um = np.concatenate([held(0.3), held(0.25, "m")])
    found = began([(1.4, um), (1.95, spoken(20))], [Span(1.4, 5.95)])
    assert found.first == pytest.approx(1.4, abs=0.05)
    assert found.fluent == pytest.approx(1.95, abs=0.1)


def test_a_filled_pause_that_voice_activity_passes_over_is_still_the_first_sound() -> None:
    found = began([(1.4, held(0.5)), (2.6, spoken(20))], [Span(2.6, 6.6)])
    assert found.first == pytest.approx(1.4, abs=0.05)
    assert found.fluent == pytest.approx(2.6, abs=0.1)


def test_a_breath_before_the_answer_is_named_and_is_no_first_sound() -> None:
    found = began([(1.5, breath(0.35)), (2.0, spoken(20))], [Span(2.0, 6.0)])
    assert found.first == pytest.approx(2.0, abs=0.05)
    assert found.breath is not None
    assert (found.breath.start, found.breath.end) == pytest.approx((1.5, 1.85), abs=0.12)


def test_two_words_and_a_pause_are_no_fluent_start() -> None:
    found = began([(1.5, spoken(2)), (2.8, spoken(20, seed=1))], [Span(1.5, 1.9), Span(2.8, 6.8)])
    assert found.first == pytest.approx(1.5, abs=0.05)
    assert found.fluent == pytest.approx(2.8, abs=0.1)


def test_a_short_answer_is_fluent_from_its_first_word_however_few_they_are() -> None:
    found = began([(1.5, held(0.4)), (2.3, spoken(2))], [Span(1.5, 1.9), Span(2.3, 2.7)], 4.0)
    assert found.fluent == pytest.approx(2.3, abs=0.1)


def test_what_was_not_recorded_gives_no_onset() -> None:
    audio = mixed(6.0, [(1.5, spoken(20))])
    listening = Listening()
    for chunk in answering.chunks(audio, [Span(1.5, 5.5)]):
        lost = Chunk(
            chunk.span, audio=chunk.audio, speech=chunk.speech, speech_start=chunk.speech_start, gaps=(Span(1.8, 1.9),)
        )
        listening.push(lost)
    sound = listening.finish()
    assert onset(sound, QUESTION, Span(1.5, 5.5), loudness(sound)) is None


def test_real_speech_glued_behind_a_filler_is_found_by_the_librarys_own_voice_activity() -> None:
    with Reader(SAMPLES / "genuine_voice.flac") as reader:
        real = np.concatenate([chunk.audio for chunk in reader])
    loud = np.convolve(np.square(real), np.ones(320) / 320, "same")
    real = real[np.flatnonzero(loud > np.percentile(loud, 95) * 10**-2.5)[0] :][: 5 * RATE]
    level = float(np.sqrt(np.mean(real**2)))
    audio = mixed(9.0, [(1.5, held(0.5) * level / 0.05), (2.8, real)])
    listener, listening = Listener(speakers=False), Listening()
    for first in range(0, len(audio), 8000):
        chunk = Chunk(Span(first / RATE, first / RATE + 0.5), audio=audio[first : first + 8000])
        listening.push(listener.update(chunk))
    sound = listening.finish()
    found = onset(sound, QUESTION, Span(1.5, 7.8), loudness(sound))
    assert found is not None
    assert found.first == pytest.approx(1.5, abs=0.1)
    assert found.fluent == pytest.approx(2.8, abs=0.1)


# --- held vowels


def test_running_speech_holds_nothing_and_a_filled_pause_in_it_is_found() -> None:
    fluent = heard(mixed(5.0, [(0.5, spoken(20))]), [Span(0.5, 4.5)])
    assert not standing.held(fluent, loudness(fluent)).any()
    parts = [(0.5, spoken(10)), (2.5, held(0.4)), (2.9, spoken(10, seed=2))]
    filled = heard(mixed(5.5, parts), [Span(0.5, 4.9)])
    times = filled.start + 0.016 * np.flatnonzero(standing.held(filled, loudness(filled)))
    assert 2.45 < times.min() < 2.65 < 2.8 < times.max() < 2.95


def test_a_vowel_whose_pitch_moves_is_not_held() -> None:
    gliding = heard(mixed(2.0, [(0.5, held(0.5, slope=24.0))]), [Span(0.5, 1.0)])
    assert not standing.held(gliding, loudness(gliding)).any()


# --- delivery


def read(parts: list[tuple[float, np.ndarray]], seconds: float) -> Delivery:
    voice = [Span(at, at + len(sound) / RATE) for at, sound in parts]
    sound = heard(mixed(seconds, parts), voice)
    found = delivery(sound, [Span(voice[0].start, voice[-1].end)], loudness(sound))
    assert found is not None
    return found


def test_pauses_rate_and_pitch_are_read_as_they_were_made() -> None:
    starts = (0.5, 3.0, 5.5, 8.0)
    found = read([(at, spoken(10, 5.0, slope=-4.0, seed=i)) for i, at in enumerate(starts)], 11.0)
    assert found.voice == pytest.approx(8.0, abs=0.3)
    assert found.pauses == pytest.approx(60 * 3 / 9.5, rel=0.05)
    assert found.pause_length == pytest.approx(0.5, abs=0.06)
    assert found.pause_spread < 0.1
    assert found.rate == pytest.approx(5.0, abs=0.4)
    assert found.rate_spread < 0.08
    assert found.pitch_fall == pytest.approx(4.0, abs=0.5)
    assert found.held == 0


def test_uneven_rate_and_filled_pauses_are_told_from_even_delivery() -> None:
    even = read([(0.5 + 2.5 * i, spoken(10, 5.0, seed=i)) for i in range(4)], 11.0)
    rates = (4.0, 6.5, 4.5, 7.0)
    uneven = read([(0.5 + 3.2 * i, np.concatenate([held(0.4), spoken(10, r)])) for i, r in enumerate(rates)], 14.0)
    assert even.rate_spread < 0.08 < 0.15 < uneven.rate_spread
    assert uneven.held == pytest.approx(60 * 4 / uneven.voice, rel=0.05)


def test_too_little_voice_says_nothing_of_delivery() -> None:
    sound = heard(mixed(4.0, [(0.5, spoken(10))]), [Span(0.5, 2.5)])
    assert delivery(sound, [Span(0.5, 2.5)], loudness(sound)) is None


@pytest.mark.parametrize("count", [4, 9])
def test_syllables_are_counted(count: int) -> None:
    sound = heard(mixed(3.0, [(0.4, spoken(count))]), [Span(0.4, 0.4 + count / 5)])
    assert len(nuclei(sound, loudness(sound))) == count


# --- the series


def test_the_length_of_chunks_changes_nothing() -> None:
    audio = mixed(5.0, [(0.5, held(0.4)), (1.2, spoken(12))])
    one, other = (heard(audio, [Span(0.5, 0.9), Span(1.2, 3.6)], step) for step in (0.13, 5.0))
    for name in ("level", "breath", "log_f0", "periodicity", "change", "speech"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert len(one) == len(audio) // 512 * 2
