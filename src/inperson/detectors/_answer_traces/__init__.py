"""Other traces of help beside the timing of answers: typing, whispering, a third voice, answers to the question before.

None of them changes a score. Each is a place for a reviewer to look at or listen to, with what else explains it, and a
count among the measurements. `AnswerTraces` takes the chunks and keeps some numbers a second; where nothing can be
read, the measurement is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from inperson.channels import MAX_CHANNELS
from inperson.detectors._answer_traces import keys, voices, whispers, words
from inperson.detectors._answer_traces.listening import Ear
from inperson.exchanges import Exchange, exchanges
from inperson.types import Abstention, Chunk, Evidence, Measurement, Reading, Session, Span, merged

BEFORE = 0.5
"""Seconds before the question's end from which typing and whispering count where the question itself is not heard."""
TALKING = 0.6
"""Share of a whisper that may be the candidate's own turn: a turn's edge, or an answer begun in a whisper."""
MOST = 12
"""Most places of one kind in a report."""


@dataclass(frozen=True, slots=True)
class _Found:
    evidence: list[Evidence] = field(default_factory=list)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    alternatives: list[str] = field(default_factory=list)


class AnswerTraces:
    """Feed chunks to `update`; `beside` puts what was found beside a detector's result."""

    def __init__(self) -> None:
        self._mix = Ear()
        self._channels: list[Ear] = []
        self._heard = False

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        if not len(chunk.audio):
            return
        self._heard = True
        columns = min(chunk.channels.shape[1], MAX_CHANNELS) if chunk.channels.size else 0
        if not self._channels:
            self._channels = [Ear() for _ in range(columns)]
        for i, ear in enumerate(self._channels[:columns]):
            ear.push(replace(chunk, audio=chunk.channels[:, i]))
        self._mix.push(chunk)

    def beside(
        self, result: Reading | Abstention, session: Session, speech: Sequence[Span] = ()
    ) -> Reading | Abstention:
        """The result with the traces' evidence, measurements and innocent explanations; its score is untouched.

        Parameters
        ----------
        result : Reading or Abstention
        session : Session
        speech : sequence of Span
            Where anyone speaks in the mix; in a channel of the candidate's own, their turns are taken instead.

        Returns
        -------
        Reading or Abstention
            The same one where it is not known who speaks when, or which voice is the candidate's.
        """
        own = session.candidate.speaker
        if own is None or own not in {turn.speaker for turn in session.turns}:
            return result
        answers = exchanges(session.turns, own)
        found = _Found()
        if self._heard:
            ear, spoken = self._ear(session, own, speech)
            _typing(found, ear, spoken, answers, session)
            _whispering(found, ear, answers, session)
        _prompted(found, session, own)
        _late(found, answers, session, own)
        return _with(result, found)

    def _ear(self, session: Session, own: str, speech: Sequence[Span]) -> tuple[Ear, Sequence[Span]]:
        """The candidate's own channel and turns where there is one, else the mix and all its speech."""
        names = [f"channel {i}" for i in range(len(self._channels))]
        if session.turns_source == "channels" and own in names:
            spoken = merged(turn.span for turn in session.turns if turn.speaker == own)
            return self._channels[names.index(own)], spoken
        return self._mix, speech


def _typing(found: _Found, ear: Ear, spoken: Sequence[Span], answers: Sequence[Exchange], session: Session) -> None:
    bursts = keys.bursts(ear.onsets(), merged(spoken))
    placed = [(burst, one) for burst in bursts if (one := _waiting(burst.span, answers)) is not None]
    placed = [(burst, one) for burst, one in placed if not any(burst.span & span for span in session.excluded)]
    seconds = sum(burst.span.duration for burst, _ in placed)
    found.measurements["exchanges_with_typing"] = Measurement(len({one.answer.start for _, one in placed}), "1")
    found.measurements["typing"] = Measurement(seconds, "s")
    for burst, _ in placed[:MOST]:
        note = f"Sounds like typing, {burst.onsets} strokes in {burst.span.duration:.1f} s, before this answer begins."
        found.evidence.append(Evidence(burst.span, 0.0, f"{note} {keys.INNOCENT}", None, None, "typing"))
    if placed:
        found.alternatives.append("typing: " + _sentence(keys.INNOCENT))


def _whispering(found: _Found, ear: Ear, answers: Sequence[Exchange], session: Session) -> None:
    heard = [span for span in whispers.whispers(ear.hops()) if not any(span & out for out in session.excluded)]
    placed = [(span, one) for span in heard if (one := _between(span, answers)) is not None]
    found.measurements["exchanges_with_whispering"] = Measurement(len({one.answer.start for _, one in placed}), "1")
    for span, _ in placed[:MOST]:
        note = f"Sounds like whispering for {span.duration:.1f} s before this answer begins. {whispers.INNOCENT}"
        found.evidence.append(Evidence(span, 0.0, note, None, None, "whisper"))
    if placed:
        found.alternatives.append("whispering: " + _sentence(whispers.INNOCENT))


def _prompted(found: _Found, session: Session, own: str) -> None:
    prompts = voices.third_voices(session.turns, own)
    repeats = 0
    for prompt in prompts[:MOST]:
        same = words.repeated(prompt.span, prompt.speaker, prompt.exchange.answer, session.turns, own)
        repeats += same > 0
        note = "A third voice is heard between the question and this answer, as before others, and hardly elsewhere."
        if same:
            note += f" The answer then repeats {same} of its words in the same order. {words.INNOCENT_REPEATED}"
        found.evidence.append(
            Evidence(prompt.span, 0.0, f"{note} {voices.INNOCENT}", None, prompt.speaker, "third_voice")
        )
    if prompts:
        found.measurements["exchanges_with_a_third_voice"] = Measurement(len(prompts), "1")
        found.alternatives.append("a third voice: " + _sentence(voices.INNOCENT))
    if repeats:
        found.measurements["answers_that_repeat_it"] = Measurement(repeats, "1")


def _late(found: _Found, answers: Sequence[Exchange], session: Session, own: str) -> None:
    if not any(turn.text for turn in session.turns):
        return
    late = words.previous(answers, session.turns, own)
    found.measurements["answers_to_the_question_before"] = Measurement(len(late), "1")
    for one in late[:MOST]:
        note = (
            f"Shares {one.before} words with the question before, and {one.own} with its own. {words.INNOCENT_PREVIOUS}"
        )
        found.evidence.append(Evidence(one.exchange.answer, 0.0, note, None, own, "previous"))
    if late:
        found.alternatives.append("speaking of the question before: " + _sentence(words.INNOCENT_PREVIOUS))


def _waiting(span: Span, answers: Iterable[Exchange]) -> Exchange | None:
    """The exchange during whose question, or before whose answer, most of the span lies."""
    for one in answers:
        waiting = Span(one.question.start, max(one.answer.start, one.question.end) + keys.MARGIN)
        if (common := waiting & span) and common.duration >= 0.5 * span.duration:
            return one
    return None


def _between(span: Span, answers: Iterable[Exchange]) -> Exchange | None:
    """The exchange between whose question and answer most of the span lies."""
    for one in answers:
        if one.offset <= 0:
            continue
        between = Span(one.question.end - BEFORE, one.answer.start + BEFORE)
        if (common := between & span) and common.duration >= TALKING * span.duration:
            return one
    return None


def _sentence(text: str) -> str:
    """An explanation as an item of a list."""
    return (text[:1].lower() + text[1:]).removesuffix(" explain it.").removesuffix(" explains it.")


def _with(result: Reading | Abstention, found: _Found) -> Reading | Abstention:
    return replace(
        result,
        evidence=(*result.evidence, *found.evidence),
        measurements={**result.measurements, **found.measurements},
        alternatives=(*result.alternatives, *found.alternatives),
    )
