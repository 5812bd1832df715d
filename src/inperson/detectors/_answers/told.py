"""A call's answers for a reviewer: where they become fluent, how they are delivered, what their words add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inperson.detectors._answers.delivery import Delivery, delivery
from inperson.detectors._answers.onset import Onset, onset
from inperson.detectors._answers.said import FILLERS, Opening, tokens
from inperson.detectors._answers.sound import Sound
from inperson.detectors._answers.units import Loudness
from inperson.detectors._answers.worded import content_start, opening_of
from inperson.exchanges import Exchange, backchannels, delay_bound, takeovers
from inperson.types import Evidence, Measurement, Session, Span

HESITANT = 0.3
"""Seconds from the first sound to the fluent part from which a start is hesitant: a pause that is heard as one. Own
choice, above `units.PAUSE`."""
SHOWN_LATER = 0.6
"""Seconds by which that must exceed the person's own short replies for the answer to be shown: twice `HESITANT`."""
SHOWN = 4
FEWEST = 3
"""Answers, or short replies, below which no median is given."""
LENGTHS = 6
"""Answers below which nothing is said of their lengths: of fewer, the spread is mostly chance. Own choice."""
KIND = "second_onset"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one answer beside its turns; None where there was no sound, or no words."""

    exchange: Exchange
    long: bool
    onset: Onset | None
    opening: Opening | None
    content: float | None

    @property
    def first(self) -> float | None:
        """Seconds from the question's end to the first vocal sound."""
        return None if self.onset is None else self.onset.first - self.exchange.question.end

    @property
    def fluent(self) -> float | None:
        """Seconds from the question's end to the fluent part, after stalling and echo where words are known."""
        if self.onset is None or self.onset.fluent is None:
            return None
        return max(self.onset.fluent, self.content or self.onset.fluent) - self.exchange.question.end

    @property
    def delay(self) -> float | None:
        """Seconds from the first sound to the fluent part."""
        return None if self.fluent is None or self.first is None else self.fluent - self.first

    @property
    def filled(self) -> bool:
        """Whether a filled pause is heard before the fluent part."""
        return self.onset is not None and bool(self.onset.fillers)

    @property
    def breathed(self) -> bool:
        """Whether a breath is heard before the first sound."""
        return self.onset is not None and self.onset.breath is not None


@dataclass(frozen=True, slots=True)
class Told:
    measurements: Mapping[str, Measurement]
    evidence: tuple[Evidence, ...]


def tell(session: Session, found: Sequence[Exchange], is_long: Callable[[Exchange], bool], sound: Sound) -> Told:
    """All that is measured beside the score.

    Parameters
    ----------
    session : Session
        Its candidate's speaker is known.
    found : sequence of Exchange
        The usable ones.
    is_long : callable
        Whether an exchange is substantive.
    sound : Sound
        Of no length where the recording has none.
    """
    own = session.spoken_by(session.candidate.speaker)
    loudness = Loudness.of(sound, sound.within(own)) if len(sound) else None
    answers = [_answer(one, is_long(one), session, sound, loudness) for one in found]
    measured = _kinds(session) | _lengths(answers) | _onsets(answers) | _words(answers, _verbatim(session))
    if loudness is not None:
        measured |= _delivered(answers, sound, loudness)
    return Told(measured, _evidence(answers, session))


def _answer(one: Exchange, long: bool, session: Session, sound: Sound, loudness: Loudness | None) -> Answer:
    began = None if loudness is None else onset(sound, one.question.end, one.answer, loudness)
    opening = opening_of(session, one)
    start = None if opening is None or began is None else content_start(session, one, opening, sound, loudness)
    return Answer(one, long, began, opening, start)


def _kinds(session: Session) -> dict[str, Measurement]:
    who = session.candidate.speaker
    assert who is not None
    taken = takeovers(session.turns, who)
    counts = {
        "interruptions": sum(one.begins == "interruption" for one in taken),
        "backchannels": len(backchannels(session.turns, who)),
        "questions_asked_again": sum(one.asked_again for one in taken),
    }
    bound = delay_bound(session.turns, who)
    found = {name: Measurement(count, "1") for name, count in counts.items()}
    return found if bound is None else found | {"network_delay_at_most": Measurement(bound, "s")}


def _lengths(answers: Sequence[Answer]) -> dict[str, Measurement]:
    """Of the long answers, from turns alone; the spread is of the logarithm: it does not grow with the length."""
    seconds = np.array([one.exchange.answer.duration for one in answers if one.long])
    if len(seconds) < LENGTHS:
        return {}
    return {
        "answer_length_median": Measurement(float(np.median(seconds)), "s"),
        "answer_length_spread": Measurement(float(np.std(np.log(seconds), ddof=1)), "1"),
    }


def _verbatim(session: Session) -> bool:
    """Whether the words hold a filler of anybody: recognisers and tidied transcripts mostly leave all of them out."""
    texts = (*(turn.text for turn in session.turns), *(word.text for word in session.words))
    return any(token in FILLERS for text in texts for token in tokens(text))


def _onsets(answers: Sequence[Answer]) -> dict[str, Measurement]:
    """Of the long answers, and against the short replies."""
    long = [one for one in answers if one.long and one.delay is not None]
    if len(long) < FEWEST:
        return {}
    fluent = np.array([one.fluent for one in long], float)
    median = float(np.median(fluent))
    delays = [one.delay or 0.0 for one in long]
    found = {
        "first_sound_median": Measurement(float(np.median([one.first or 0.0 for one in long])), "s"),
        "fluent_onset_median": Measurement(median, "s"),
        "fluent_onset_spread": Measurement(1.4826 * float(np.median(np.abs(fluent - median))), "s"),
        "fluent_after_first_sound": Measurement(float(np.median(delays)), "s"),
        "hesitant_starts": Measurement(float(np.mean(np.array(delays) >= HESITANT)), "1"),
        "filled_starts": Measurement(float(np.mean([one.filled for one in long])), "1"),
        "breath_before_answers": Measurement(float(np.mean([one.breathed for one in long])), "1"),
    }
    short = [one.fluent for one in answers if not one.long and one.fluent is not None]
    if len(short) >= FEWEST:
        found["fluent_above_baseline"] = Measurement(median - float(np.median(short)), "s")
    return found


def _words(answers: Sequence[Answer], verbatim: bool) -> dict[str, Measurement]:
    known = [one.opening for one in answers if one.long and one.opening is not None and one.opening.words]
    if len(known) < FEWEST:
        return {}
    fillers = 100 * sum(one.fillers for one in known) / sum(one.words for one in known)
    counted = {"fillers_per_100_words": Measurement(fillers, "1")} if verbatim else {}
    return counted | {
        "answer_words_median": Measurement(float(np.median([one.words for one in known])), "1"),
        "stalling_openings": Measurement(float(np.mean([one.stalled for one in known])), "1"),
        "echoed_questions": Measurement(float(np.mean([one.echoed for one in known])), "1"),
    }


def _delivered(answers: Sequence[Answer], sound: Sound, loudness: Loudness) -> dict[str, Measurement]:
    """What told reading from free speech where it was tried (training/response_latency), no more."""
    found: dict[str, Measurement] = {}
    for suffix, long in (("", True), ("_baseline", False)):
        own = delivery(sound, [one.exchange.answer for one in answers if one.long == long], loudness)
        found |= {f"{name}{suffix}": value for name, value in _shown(own).items() if np.isfinite(value.value)}
    return found


def _shown(own: Delivery | None) -> dict[str, Measurement]:
    if own is None:
        return {}
    return {
        "pitch_fall": Measurement(own.pitch_fall, "semitones/s"),
        "rate_unevenness": Measurement(own.rate_spread, "1"),
    }


def _evidence(answers: Sequence[Answer], session: Session) -> tuple[Evidence, ...]:
    """The long answers that become fluent latest after their first sound, in order of time."""
    usual = [one.delay for one in answers if not one.long and one.delay is not None]
    own = float(np.median(usual)) if len(usual) >= FEWEST else None
    late = [(one.delay - (own or 0.0), one) for one in answers if one.long and one.delay is not None]
    late = sorted((item for item in late if item[0] >= SHOWN_LATER), key=lambda item: -item[0])[:SHOWN]
    return tuple(
        Evidence(_start(one), 0.0, _note(one, more, own is not None), speaker=session.candidate.speaker, kind=KIND)
        for more, one in sorted(late, key=lambda item: item[1].exchange.answer)
        if one.exchange.question.end < session.duration
    )


def _start(one: Answer) -> Span:
    """From the question's end to the fluent part."""
    assert one.fluent is not None
    end = one.exchange.question.end
    return Span(*sorted((max(end, 0.0), max(end + one.fluent, 0.0))))


def _note(one: Answer, more: float, compared: bool) -> str:
    """Relative to the person where that is possible."""
    found = [name for name, heard in (("a filled pause", one.filled), ("a breath before it", one.breathed)) if heard]
    if one.opening is not None:
        found += ["a stalling phrase"] * one.opening.stalled + ["the question said back"] * one.opening.echoed
    usual = "than this person's short replies do" if compared else "(there are too few short replies to compare with)"
    heard = f"; heard: {', '.join(found)}" if found else ""
    return (
        f"Becomes fluent {more:.1f} s later after its first sound {usual}{heard}. Planning aloud sounds like this; "
        "only the same delay in answer after answer would be unusual."
    )
