"""Other traces of help: made sounds and turns with known answers, and what must not be taken for them."""

from __future__ import annotations

import numpy as np
import pytest
from overheard import RATE, Sound, chunks, fingers, murmur, room, struck
from test_response_latency import HUMAN, SMALL_TALK, call, read, session, value

from inperson.detectors._answer_traces import keys, voices, whispers, words
from inperson.detectors._answer_traces.listening import Ear
from inperson.detectors.response_latency import ResponseLatency
from inperson.exchanges import exchanges
from inperson.types import Abstention, Span, Turn


def heard(sound: Sound, seconds: float = 0.5, spoken: list[Span] | None = None) -> Ear:
    ear = Ear()
    for chunk in chunks(sound, spoken, seconds=seconds):
        ear.push(chunk)
    return ear


def typed(sound: Sound, spoken: list[Span] | None = None) -> list[keys.Burst]:
    return keys.bursts(heard(sound, spoken=spoken).onsets(), spoken or [])


# --- typing


def test_keystrokes_in_a_quiet_room_are_a_burst_at_their_time() -> None:
    times = fingers(3.0, 6.5)
    (burst,) = typed(room(10) + struck(times, 10))
    assert burst.span.start == pytest.approx(times[0], abs=0.05)
    assert burst.span.end == pytest.approx(times[-1], abs=0.05)
    assert burst.onsets == pytest.approx(len(times), abs=0.2 * len(times))


@pytest.mark.parametrize("gain", [0.01, 10.0])
def test_the_level_of_the_whole_sound_does_not_matter(gain: float) -> None:
    assert len(typed(np.float32(gain) * (room(10) + struck(fingers(3.0, 6.5), 10)))) == 1


def test_a_clock_is_not_typing() -> None:
    assert typed(room(10) + struck([0.5 + 0.25 * i for i in range(36)], 10)) == []


def test_a_mouse_is_not_typing() -> None:
    clicks = [t + d for t in (1.0, 3.1, 5.7, 7.9) for d in (0.0, 0.09, 0.31, 0.42, 0.93, 1.05)]
    assert typed(room(10) + struck(clicks, 10)) == []


def test_packets_clicks_on_a_common_beat_are_not_typing() -> None:
    beats = np.random.default_rng(5).choice(np.arange(4, 40), 22, replace=False)
    assert typed(room(10) + struck(sorted((0.2 * beats).tolist()), 10)) == []


def test_different_things_on_a_table_are_not_typing() -> None:
    assert typed(room(10) + struck(fingers(3.0, 6.5), 10, alike=False)) == []


def test_tones_that_begin_as_irregularly_are_not_typing() -> None:
    sound, steps = room(10), np.arange(round(0.2 * RATE)) / RATE
    for i, time in enumerate(fingers(3.0, 6.5)[::2]):
        at = round(time * RATE)
        sound[at : at + len(steps)] += (0.05 * np.sin(2 * np.pi * (440 + 55 * (i % 7)) * steps)).astype(np.float32)
    assert typed(sound) == []


def test_what_lies_beside_speech_is_not_typing() -> None:
    spoken = [Span(0.5 * i, 0.5 * i + 0.3) for i in range(20)]
    assert typed(room(10) + struck(fingers(3.0, 6.5), 10), spoken) == []


def test_silence_and_noise_hold_no_onsets() -> None:
    assert heard(np.zeros(5 * RATE, np.float32)).onsets() == []
    assert heard(room(5, -30)).onsets() == []


def test_chunk_length_changes_nothing() -> None:
    sound = room(10) + struck(fingers(3.0, 6.5), 10) + murmur(10, voice=False)
    one, other = heard(sound, 0.5), heard(sound, 0.137)
    assert [o.time for o in one.onsets()] == [o.time for o in other.onsets()]
    assert whispers.whispers(one.hops()) == whispers.whispers(other.hops())


def test_a_beat_is_told_from_none() -> None:
    assert keys.on_beat(np.arange(200) * 0.3 + 0.1) > 0.98
    assert keys.on_beat(np.array(fingers(0, 8))) < 0.6


# --- whispering


def whispered(sound: Sound) -> list[Span]:
    return whispers.whispers(heard(sound).hops())


def test_a_whisper_is_found_at_its_time() -> None:
    sound = room(12)
    sound[4 * RATE : 7 * RATE] += murmur(3.0, voice=False)
    (span,) = whispered(sound)
    assert span.start == pytest.approx(4.0, abs=0.3)
    assert span.end == pytest.approx(7.0, abs=0.3)


def test_a_voice_is_no_whisper() -> None:
    sound = room(12)
    sound[4 * RATE : 7 * RATE] += murmur(3.0, voice=True)
    assert whispered(sound) == []


def test_noise_that_comes_and_goes_is_no_whisper() -> None:
    fan = room(12)
    fan[4 * RATE : 7 * RATE] += room(3.0, -35, seed=8)
    assert whispered(fan) == []


def test_typing_is_no_whisper() -> None:
    assert whispered(room(10) + struck(fingers(2.0, 8.0), 10)) == []


# --- a third voice


def prompted(times: list[float], offsets: list[float]) -> list[Turn]:
    """`call` with a third voice 0.4 s after each of the questions at these indices."""
    turns = call(offsets)
    asked = [turn for turn in turns if turn.speaker == "A"]
    third = [Turn(Span(asked[int(i)].span.end + 0.4, asked[int(i)].span.end + 1.1), "X") for i in times]
    return sorted([*turns, *third])


def test_a_voice_that_is_heard_only_before_answers_is_shown() -> None:
    found = voices.third_voices(prompted([0, 2, 3, 5], [1.5] * 8), "C")
    assert [prompt.speaker for prompt in found] == ["X"] * 4
    assert found[0].span.duration == pytest.approx(0.7)


def test_a_voice_heard_twice_is_chance() -> None:
    assert voices.third_voices(prompted([0, 2], [1.5] * 8), "C") == []


def test_a_second_interviewer_is_nobodys_prompter() -> None:
    turns = prompted([0, 2, 3, 5], [1.5] * 8)
    end = turns[-1].span.end
    assert voices.third_voices([*turns, Turn(Span(end + 1, end + 9), "X")], "C") == []


def test_two_voices_have_no_third() -> None:
    assert voices.third_voices(call([1.5] * 8), "C") == []


# --- words

ASKED = [
    "How would you split a monolith database between several service teams?",
    "Please describe conflicts inside your previous office and their resolution.",
    "Which garden vegetables grow during winter under glass without heating?",
    "Explain bicycle brakes, gears, chains and their maintenance after rain.",
    *(f"Number {i}: alpha{i} beta{i} gamma{i} delta{i} please?".replace(str(i), "abcd"[i] * 5) for i in range(4)),
]
SAID = [
    "The monolith database would be split by service and by team.",
    "Conflicts in my previous office found a resolution by talking.",
    "Winter vegetables grow under glass in my garden, mostly without heating.",
    "Brakes and gears of a bicycle, and chains after rain, need maintenance.",
    *(f"That is alpha{i} with gamma{i} certainly.".replace(str(i), "abcd"[i] * 5) for i in range(4)),
]


def told(said: list[str], asked: list[str] = ASKED) -> list[Turn]:
    turns = call([0.4] * len(said), short=())
    return [Turn(t.span, t.speaker, (asked if t.speaker == "A" else said)[i // 2]) for i, t in enumerate(turns)]


def late(turns: list[Turn]) -> list[tuple[int, int]]:
    found = exchanges(turns, "C")
    return [(found.index(one.exchange), one.before) for one in words.previous(found, turns, "C")]


def test_answers_to_their_own_questions_are_not_late() -> None:
    assert late(told(SAID)) == []


def test_an_answer_to_the_question_before_is_found() -> None:
    ((index, shared),) = late(told([SAID[0], SAID[1], SAID[1], *SAID[3:]]))
    assert index == 2
    assert shared >= 4


def test_two_words_in_common_are_chance() -> None:
    assert late(told([SAID[0], SAID[1], "My office had a resolution.", *SAID[3:]])) == []


def test_going_on_after_a_short_prompt_is_not_late() -> None:
    assert late(told([SAID[0], SAID[0], *SAID[2:]], [ASKED[0], "Please go on.", *ASKED[2:]])) == []


def test_a_call_too_short_to_tell_function_words_says_nothing() -> None:
    assert late(told([SAID[0], "Nothing comes up.", SAID[1], SAID[3]], ASKED[:4])) == []


def test_without_words_nothing_is_late() -> None:
    assert late(call([0.4] * 6)) == []


def test_repeated_words_count_in_their_order() -> None:
    voice = Turn(Span(10, 12), "X", "first partition tables, then replicate writes across regions")
    answer = Turn(
        Span(12.5, 20), "C", "I would first partition the tables and then replicate all writes across regions"
    )
    assert words.repeated(voice.span, "X", answer.span, [voice, answer], "C") == 8
    other = Turn(answer.span, "C", "Regions across writes replicate then tables partition first")
    assert words.repeated(voice.span, "X", other.span, [voice, other], "C") == 0


# --- in the report


def recorded(turns: list[Turn], typing: list[float], side: bool = False) -> list:
    end = turns[-1].span.end + 1
    spoken = [turn.span for turn in turns]
    sound = room(end) + struck(typing, end)
    return chunks(sound, spoken, [room(end, -80, 4), sound] if side else None)


def test_typing_before_an_answer_is_a_place_to_look_at_and_leaves_the_score() -> None:
    turns = call([0.4, 4.0, *HUMAN[:6]], SMALL_TALK)
    question, answer = turns[2].span, turns[3].span
    keyed = recorded(turns, fingers(question.end + 0.3, answer.start - 0.3))
    with_it, without = read(session(turns), keyed), read(session(turns), recorded(turns, []))
    assert with_it.score == without.score
    (place,) = [one for one in with_it.evidence if one.kind]
    assert place.kind == "typing"
    assert question.end < place.span.start < place.span.end < answer.start
    assert keys.INNOCENT in place.note
    assert value(with_it, "exchanges_with_typing") == 1
    assert value(without, "exchanges_with_typing") == 0
    assert any(one.startswith("typing: taking notes") for one in with_it.alternatives)


def test_in_a_channel_of_its_own_typing_is_heard_under_the_question() -> None:
    turns = [Turn(t.span, {"A": "channel 0", "C": "channel 1"}[t.speaker]) for t in call([0.4] * 6, SMALL_TALK)]
    under = fingers(turns[4].span.start + 0.5, turns[4].span.end - 0.3)
    here = session(turns, "channel 1", "channels")
    assert value(read(here, recorded(turns, under, side=True)), "exchanges_with_typing") == 1
    mixed = [Turn(t.span, {"channel 0": "A", "channel 1": "C"}[t.speaker]) for t in turns]
    assert value(read(session(mixed), recorded(mixed, under)), "exchanges_with_typing") == 0


def test_what_is_heard_is_shown_where_the_timing_cannot_tell() -> None:
    turns = call([4.0, 0.4], ())
    detector = ResponseLatency()
    for chunk in recorded(turns, fingers(turns[0].span.end + 0.3, turns[1].span.start - 0.3)):
        detector.update(chunk)
    found = detector.finish(session(turns))
    assert isinstance(found, Abstention)
    assert [one.kind for one in found.evidence] == ["typing"]


def test_without_sound_nothing_is_said_of_sounds() -> None:
    assert "typing" not in read(session(call(HUMAN, SMALL_TALK))).measurements
