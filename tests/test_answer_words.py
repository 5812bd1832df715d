"""What words add to an answer: fillers, stalling, echo, and when it gets to the point."""

from __future__ import annotations

import numpy as np
import pytest
from answering import heard, mixed, spoken

from inperson.detectors._answers.said import opening, tokens
from inperson.detectors._answers.units import Loudness
from inperson.detectors._answers.worded import content_start, opening_of
from inperson.exchanges import Exchange
from inperson.media import MediaInfo
from inperson.types import Candidate, Session, Span, Turn, Word

QUESTION = "What is the difference between a process and a thread?"


def session(turns: tuple[Turn, ...], words: tuple[Word, ...] = ()) -> Session:
    media = MediaInfo("made-up.wav", "wav", 1, 20.0, 0.0, None, ())
    who = Candidate(None, "C", "Chosen by the test.")
    return Session(media, 20.0, turns, "supplied", (), who, "none", words=words)


@pytest.mark.parametrize(
    ("said", "content", "stalled", "echoed"),
    [
        ("A process has its own memory.", "a", False, False),
        ("Um, uh, a process has its own memory.", "a", False, False),
        ("That's a really good question. Let me think about that for a second. Um, memory.", "memory", True, False),
        ("Thanks for asking! Memory is not shared.", "memory", True, False),
        ("So the difference between a process and a thread is memory.", "is", False, True),
        ("Okay, so, well, it depends.", "it", False, False),
        ("What a question it was, good or not.", "what", False, False),
    ],
)
def test_an_answer_gets_to_the_point_after_fillers_stalling_and_echo(
    said: str, content: str, stalled: bool, echoed: bool
) -> None:
    words = tokens(said)
    found = opening(tokens(QUESTION), words)
    assert (words[found.content], found.stalled, found.echoed) == (content, stalled, echoed)


def test_fillers_are_counted_wherever_they_are() -> None:
    found = opening([], tokens("Um, I would, uh, start with, er, the logs."))
    assert (found.words, found.fillers) == (9, 3)


def test_an_answer_of_nothing_but_stalling_has_no_point() -> None:
    words = tokens("Well, that is a good question.")
    assert opening([], words).content == len(words)


def test_recognised_words_give_the_time_of_the_first_that_says_something() -> None:
    exchange = Exchange(Span(0.0, 3.0), Span(4.0, 9.0))
    said = [("That's", 4.0), ("a", 4.4), ("good", 4.5), ("question.", 4.8), ("Threads", 7.1), ("share", 7.5)]
    words = tuple(Word(Span(at, at + 0.2), text, "C") for text, at in said)
    known = session((Turn(Span(0.0, 3.0), "A"), Turn(Span(4.0, 9.0), "C")), words)
    found = opening_of(known, exchange)
    assert found is not None
    assert content_start(known, exchange, found, heard(mixed(10.0, []), []), None) == 7.1


def test_words_without_times_are_placed_by_the_pause_before_them() -> None:
    parts = [(4.0, spoken(6)), (6.3, spoken(14, seed=2))]
    sound = heard(mixed(10.0, parts), [Span(4.0, 5.2), Span(6.3, 9.1)])
    loudness = Loudness.of(sound, np.ones(len(sound), bool))
    text = "That is a very good question. Threads share memory and processes do not."
    known = session((Turn(Span(0.0, 3.0), "A", QUESTION), Turn(Span(4.0, 9.1), "C", text)))
    exchange = Exchange(Span(0.0, 3.0), Span(4.0, 9.1))
    found = opening_of(known, exchange)
    assert found is not None
    assert found.stalled
    assert content_start(known, exchange, found, sound, loudness) == pytest.approx(6.3, abs=0.1)


def test_without_words_nothing_is_said_of_them() -> None:
    known = session((Turn(Span(0.0, 3.0), "A"), Turn(Span(4.0, 9.0), "C")))
    assert opening_of(known, Exchange(Span(0.0, 3.0), Span(4.0, 9.0))) is None
