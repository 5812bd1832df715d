"""How long the candidate's answers take to begin: people planning, or the floor that an assistant puts under them.

People begin most answers within half a second of the question's end, sometimes before it, and vary from one answer to
the next. Whoever waits for a machine (end of speech noticed, first words generated, first line found) begins no
earlier than that pipeline allows, and much the same each time. The measure is the floor-transfer offset (FTO,
`inperson.exchanges`); the score is the log10 likelihood ratio of two descriptions of all offsets of the call, each
integrated over what is not known of this person, this connection and this assistant.

A constant delay nearly cancels out: the prior over the person's own level is flat, so a slow speaker or a slow network
is no evidence, and what counts is how much later (and how regularly) substantive answers begin than the same person's
short exchanges in the same call. Over video, people differ more between pairs than any threshold in seconds could bear.
But people who are slow also vary more: late and regular together are unusual, and that counts.

Every number of the two descriptions stands in the card (``[priors]``) with its source. First form: it is bounded
tightly there, because no real assisted interview was available to measure it on.

References
----------
Heldner & Edlund, "Pauses, gaps and overlaps in conversations", Journal of Phonetics 38 (2010) 555-568.
Levinson & Torreira, "Timing in turn-taking and its implications for processing models of language", Frontiers in
Psychology 6 (2015) 731.
Boland, Fonseca, Mermelstein & Williamson, "Zoom disrupts the rhythm of conversation", Journal of Experimental
Psychology: General 151 (2022) 1272-1282.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from inperson import models
from inperson.detectors._answer_traces import AnswerTraces
from inperson.detectors._answers.sound import Listening
from inperson.detectors._answers.told import tell
from inperson.exchanges import Exchange, exchanges, refined
from inperson.types import Abstention, Chunk, Curve, Evidence, Measurement, Point, Reading, Session, Span

Array = NDArray[np.float64]

VALUE_SECONDS = 0.032
"""Length of one speech probability (`inperson.types.Chunk.speech`)."""
SPEECH_ON, SPEECH_OFF = 0.5, 0.35
"""Speech probability at which speech begins, and below which it ends (Silero VAD's defaults: 0.5 and 0.15 less)."""
MIN_ANSWERS = 5
"""Fewest answers to substantive questions that are looked at; a median of fewer says nothing about a person."""
MIN_BASELINE = 3
"""Fewest short exchanges; without them there is nothing of this person and connection to hold the answers against."""
AROUND = 0.1
"""Seconds around a change of speakers in which an excluded span takes the exchange out: three speech probabilities."""
MAX_EVIDENCE = 8
MAX_EXCHANGES = 300
"""More than in two hours of interview; of a longer or made-up list, evenly spaced ones are used, so time is bounded."""
SOURCE_QUALITY = {"supplied": 1.0, "channels": 1.0, "diarized": 0.6, "none": 0.0}
"""Turns found in a mix lose overlaps and shift boundaries (the card's evaluation says what it costs)."""

ALTERNATIVES = (
    "network or device delay on either side, conference software that switches speakers late",
    "push-to-talk, or muting between answers",
    "thinking before hard questions, careful or rehearsed answers, an interview style that asks for a pause",
    "answering in a second language",
    "an interpreter or live captions",
    "taking or reading the candidate's own notes, writing while listening",
    "a hearing or speech impairment, stammering, or an assistive device",
)


@dataclass(frozen=True, slots=True)
class Priors:
    """The two descriptions, in seconds; see the card's ``[priors]`` for the source of each number.

    Attributes
    ----------
    question, answer : float
        From this length on an exchange is substantive (an assistant would be used), else it belongs to the baseline.
    thinking : (mean, sd)
        How much later than in short exchanges the same person begins substantive answers.
    scatter : (median, sigma)
        Scale of a person's offsets: log-normal, the median that of a person whose usual offset is `TYPICAL`.
    coupling : float
        By how much the logarithm of that median grows for each second the person's usual offset is longer: people who
        take longer also vary more, machines do not.
    tail : float
        Degrees of freedom of the Student t that human offsets follow.
    hesitation : (share, mean, sd)
        Now and then a person begins about this much later than usual: a normal mixed into that Student t.
    wait : (median, sigma)
        How much later than the person's own level an assistant lets answers begin: log-normal.
    regularity : (median, sigma)
        Scale of one assistant's delays: log-normal.
    share : tuple of float
        Shares of the answers that are assisted, equally likely.
    """

    question: float
    answer: float
    thinking: tuple[float, float]
    scatter: tuple[float, float]
    coupling: float
    tail: float
    hesitation: tuple[float, float, float]
    wait: tuple[float, float]
    regularity: tuple[float, float]
    share: tuple[float, ...]

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Priors:
        """From the card's ``[priors]``, in which each entry is ``{value = ..., source = "..."}``."""
        value = {name: entry["value"] for name, entry in table.items()}
        return cls(
            question=float(value["question"]),
            answer=float(value["answer"]),
            thinking=_pair(value["thinking"]),
            scatter=_pair(value["scatter"]),
            coupling=float(value["coupling"]),
            tail=float(value["tail"]),
            hesitation=_triple(value["hesitation"]),
            wait=_pair(value["wait"]),
            regularity=_pair(value["regularity"]),
            share=tuple(map(float, value["share"])),
        )

    def substantive(self, exchange: Exchange) -> bool:
        return exchange.question.duration >= self.question and exchange.answer.duration >= self.answer


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = values
    return float(first), float(second), float(third)


def _pair(values: Sequence[float]) -> tuple[float, float]:
    first, second = values
    return float(first), float(second)


# --- the likelihood ratio -------------------------------------------------------------------------------------------

TYPICAL = 0.5
"""Seconds: the usual offset of answers over video (`Priors.scatter` is stated there)."""
_LEVELS = np.linspace(-0.8, 4.6, 28)
_SCATTERS = np.geomspace(0.15, 1.4, 5)
_WAITS = np.geomspace(0.25, 5.0, 8)
_REGULARITIES = np.geomspace(0.13, 0.8, 3)


def log_ratio(offsets: Array, substantive: NDArray[np.bool_], priors: Priors) -> tuple[float, Array]:
    """log10 likelihood ratio of assisted against unassisted offsets, and each exchange's own part in it.

    Integrated over grids of the person's level and scatter, of the assistant's wait and regularity and of the share of
    answers assisted. Adding a constant to all offsets changes only how much scatter is expected of the person.

    Parameters
    ----------
    offsets : (n,) float64
        Floor-transfer offsets in seconds.
    substantive : (n,) bool
    priors : Priors

    Returns
    -------
    ratio : float
        0 for n = 0.
    parts : (n,) float64
        log10 ratio of the two predictive densities at each offset, given all others' weight on the grids. They do not
        sum to `ratio`.
    """
    if not len(offsets):
        return 0.0, np.zeros(0)
    human = _human(offsets, priors)  # level, scatter, n
    onset = (_LEVELS[:, None] + _WAITS)[:, :, None, None]
    machine = _normal(offsets, onset, _REGULARITIES[:, None])  # level, wait, regularity, n
    scatter = _scatter_prior(priors)
    short = _logsum(scatter + human[..., ~substantive].sum(-1), 1)  # flat over levels
    long = _logsum(short[:, None] + _shift_prior(priors), 0)  # level of substantive answers, baseline included
    person = long[:, None] + scatter
    unassisted = person + human[..., substantive].sum(-1)
    assisted = _mixture(human[..., substantive], machine[..., substantive], person, priors)
    evidence = _total(assisted) - _total(unassisted)
    return float(evidence / math.log(10)), _parts(human, machine, unassisted, assisted)


def raw_score(ratio: float) -> float:
    """The detector's scale: large ratios count by their logarithm, since no description holds far out in its tails."""
    return math.asinh(ratio)


def _parts(human: Array, machine: Array, unassisted: Array, assisted: Array) -> Array:
    person = np.exp(unassisted - _total(unassisted))
    device = np.exp(_logsum(assisted, 1) - _total(assisted)).sum(-1)
    expected = np.einsum("ls,lsn->n", person, np.exp(human))
    found = np.einsum("lwr,lwrn->n", device, np.exp(machine))
    return np.asarray(np.log10((found + 1e-6) / (expected + 1e-6)))


def _mixture(human: Array, machine: Array, person: Array, priors: Priors) -> Array:
    """Log joint over (level, scatter, wait, regularity, share)."""
    p, q = np.exp(human), np.exp(machine)
    share = np.array(priors.share)
    total = person[:, :, None, None, None] + _device_prior(priors)[:, :, None] - math.log(len(share))
    for i in range(p.shape[-1]):
        mixed = (1 - share) * p[:, :, None, None, None, i] + share * q[:, None, :, :, None, i]
        total = total + np.log(mixed + 1e-12)
    return np.asarray(total)


def _human(offsets: Array, priors: Priors) -> Array:
    """(level, scatter, n): a person's usual offsets, and the now and then much later ones."""
    level = _LEVELS[:, None, None]
    usual = _student(offsets, level, _SCATTERS[:, None], priors.tail)
    share, mean, sd = priors.hesitation
    late = _normal(offsets, level + mean, np.array(sd))
    return np.asarray(np.logaddexp(math.log(1 - share) + usual, math.log(share) + late))


def _student(x: Array, location: Array, scale: Array, tail: float) -> Array:
    constant = math.lgamma((tail + 1) / 2) - math.lgamma(tail / 2) - 0.5 * math.log(tail * math.pi)
    z = (x - location) / scale
    return np.asarray(constant - np.log(scale) - (tail + 1) / 2 * np.log1p(z * z / tail))


def _normal(x: Array, location: Array, scale: Array) -> Array:
    z = (x - location) / scale
    return np.asarray(-0.5 * z * z - np.log(scale) - 0.5 * math.log(2 * math.pi))


def _shift_prior(priors: Priors) -> Array:
    """(short level, long level)."""
    mean, sd = priors.thinking
    return _normalised(_student(_LEVELS[None] - _LEVELS[:, None], np.array(mean), np.array(sd), priors.tail), 1)


def _scatter_prior(priors: Priors) -> Array:
    """(level, scatter); wider where the level is higher."""
    middle = math.log(priors.scatter[0]) + priors.coupling * (_LEVELS - TYPICAL)
    return _normalised(_normal(np.log(_SCATTERS), middle[:, None], np.array(priors.scatter[1])), 1)


def _device_prior(priors: Priors) -> Array:
    """(wait, regularity)."""
    wait = _normal(np.log(_WAITS), np.array(math.log(priors.wait[0])), np.array(priors.wait[1]))
    regularity = _normal(
        np.log(_REGULARITIES), np.array(math.log(priors.regularity[0])), np.array(priors.regularity[1])
    )
    return _normalised(wait, 0)[:, None] + _normalised(regularity, 0)


def _normalised(log: Array, axis: int) -> Array:
    return np.asarray(log - np.expand_dims(_logsum(log, axis), axis))


def _logsum(log: Array, axis: int) -> Array:
    return np.asarray(np.logaddexp.reduce(log, axis=axis))


def _total(log: Array) -> float:
    top = float(log.max())
    return top + math.log(float(np.exp(log - top).sum()))


# --- statistics of one call -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timing:
    """Statistics of the candidate's offsets in one call, in seconds.

    Attributes
    ----------
    exchanges, answers : int
        All of them, and those with a substantive question and answer.
    median, spread : float
        Of the answers: median and scaled median absolute deviation (the sd of a normal with that scatter).
    slope : float
        Least-squares change of the offset per second of question, over the answers; 0 where all questions are as long.
    overlapped : float
        Share of the answers that begin before the question has ended.
    baseline : float or None
        Median of the short exchanges; None for fewer than `MIN_BASELINE`.
    """

    exchanges: int
    answers: int
    median: float
    spread: float
    slope: float
    overlapped: float
    baseline: float | None


def timing(found: Sequence[Exchange], priors: Priors) -> Timing:
    """Statistics of a call's exchanges; zeros where there is no substantive answer."""
    answers = [exchange for exchange in found if priors.substantive(exchange)]
    short = [exchange.offset for exchange in found if not priors.substantive(exchange)]
    offsets = np.array([exchange.offset for exchange in answers])
    asked = np.array([exchange.question.duration for exchange in answers])
    median = float(np.median(offsets)) if len(answers) else 0.0
    return Timing(
        exchanges=len(found),
        answers=len(answers),
        median=median,
        spread=1.4826 * float(np.median(np.abs(offsets - median))) if len(answers) else 0.0,
        slope=_slope(asked, offsets),
        overlapped=float((offsets < 0).mean()) if len(answers) else 0.0,
        baseline=float(np.median(short)) if len(short) >= MIN_BASELINE else None,
    )


def _slope(x: Array, y: Array) -> float:
    if len(x) < 2 or np.ptp(x) < 0.1:
        return 0.0
    return float(np.cov(x, y, bias=True)[0, 1] / np.var(x))


def _measurements(stats: Timing) -> dict[str, Measurement]:
    found = {
        "exchanges": Measurement(stats.exchanges, "1"),
        "answers": Measurement(stats.answers, "1"),
        "offset_median": Measurement(stats.median, "s"),
        "offset_spread": Measurement(stats.spread, "s"),
        "offset_per_question_second": Measurement(stats.slope, "1"),
        "overlapped_share": Measurement(stats.overlapped, "1"),
    }
    if stats.baseline is not None:
        found["baseline_median"] = Measurement(stats.baseline, "s")
        found["above_baseline"] = Measurement(stats.median - stats.baseline, "s")
    return found if stats.answers else {name: found[name] for name in ("exchanges", "answers")}


def _standard_error(offsets: Array, substantive: NDArray[np.bool_], priors: Priors, blocks: int = 8) -> float:
    """Delete-a-block jackknife over the exchanges (every eighth left out in turn)."""
    blocks = min(blocks, len(offsets))
    index = np.arange(len(offsets)) % blocks
    left = [raw_score(log_ratio(offsets[index != b], substantive[index != b], priors)[0]) for b in range(blocks)]
    return float(np.sqrt((blocks - 1) * np.var(left))) if blocks > 1 else 0.0


# --- the detector ---------------------------------------------------------------------------------------------------


class ResponseLatency:
    """Whether the candidate's answers begin as if something had to be waited for.

    The score is `raw_score` of the log10 likelihood ratio (`log_ratio`); larger means more like an assistant's delay.
    """

    signal: ClassVar[str] = "response_latency"
    needs: ClassVar[frozenset[str]] = frozenset({"audio", "speech"})
    model: ClassVar[str] = "response_latency-0.2.0"

    def __init__(self) -> None:
        self._priors = Priors.from_table(models.card(self.model).data["priors"])
        self._listening = Listening()
        self._traces = AnswerTraces()
        self._speech: list[Span] = []
        self._start: float | None = None
        self._time = 0.0

    def update(self, chunk: Chunk) -> None:
        """Keep where speech began and ended, a few numbers on the sound every 16 ms, and the traces beside it."""
        self._listening.push(chunk)
        self._traces.update(chunk)
        if len(chunk.speech):
            if abs(chunk.speech_start - self._time) > VALUE_SECONDS:
                self._close()
            self._time = chunk.speech_start
        for probability in chunk.speech:
            if self._start is None and probability >= SPEECH_ON:
                self._start = self._time
            elif self._start is not None and probability < SPEECH_OFF:
                self._close()
            self._time += VALUE_SECONDS

    def _close(self) -> None:
        if self._start is not None and self._time > self._start:
            self._speech.append(Span(self._start, self._time))
        self._start = None

    def finish(self, session: Session) -> Reading | Abstention:
        """A reading of the candidate's exchanges, or why there is none; other traces of help beside either."""
        self._close()
        return self._traces.beside(self._timed(session), session, self._speech)

    def _timed(self, session: Session) -> Reading | Abstention:
        reason = _unusable(session)
        if reason:
            return Abstention(reason, applicable=bool(session.media.audio) or bool(session.turns))
        found = self._exchanges(session)
        stats = timing(found, self._priors)
        told = tell(session, found, self._priors.substantive, self._listening.finish())
        measured = {**_measurements(stats), **told.measurements}
        if stats.answers < MIN_ANSWERS or stats.baseline is None:
            return Abstention(
                f"at least {MIN_ANSWERS} answers to questions of {self._priors.question:g} s or more are needed, and "
                f"{MIN_BASELINE} short exchanges to hold them against; found {stats.answers} and "
                f"{stats.exchanges - stats.answers}",
                measurements=measured,
            )
        offsets = np.array([exchange.offset for exchange in found])
        substantive = np.array([self._priors.substantive(exchange) for exchange in found])
        ratio, parts = log_ratio(offsets, substantive, self._priors)
        return Reading(
            score=raw_score(ratio),
            quality=stats.answers / (stats.answers + 5) * SOURCE_QUALITY[session.turns_source],
            spread=_standard_error(offsets, substantive, self._priors),
            evidence=(*_evidence(found, parts, stats, self._priors, session), *told.evidence),
            measurements=measured,
            alternatives=ALTERNATIVES,
            curve=_curve(found, substantive.tolist(), stats),
        )

    def _exchanges(self, session: Session) -> list[Exchange]:
        """Boundaries are refined by voice activity, except where the turns come from it channel by channel."""
        assert session.candidate.speaker is not None
        found = [one for one in exchanges(session.turns, session.candidate.speaker) if not _excluded(one, session)]
        if len(found) > MAX_EXCHANGES:
            found = [found[i] for i in np.linspace(0, len(found) - 1, MAX_EXCHANGES).round().astype(int)]
        return found if session.turns_source == "channels" else [refined(exchange, self._speech) for exchange in found]


def _excluded(one: Exchange, session: Session) -> bool:
    """Whether what was left out of the analysis touches where the question ends or the answer begins."""
    around = Span(*sorted((one.question.end, one.answer.start)))
    wide = Span(around.start - AROUND, around.end + AROUND)
    return any(span & wide for span in session.excluded)


def _unusable(session: Session) -> str:
    """Why the session holds no exchanges to look at; empty where it does."""
    if session.turns_source == "none" or not session.turns:
        return "who speaks when is not known for this recording: no turns were found or supplied"
    if session.candidate.speaker is None:
        return f"it is not clear which voice is the candidate's: {session.candidate.how}"
    speakers = {turn.speaker for turn in session.turns}
    if session.candidate.speaker not in speakers:
        return f"the candidate's voice {session.candidate.speaker!r} has no turn in this recording"
    if len(speakers) < 2:
        return "two speakers are needed, one who asks and one who answers; only one was found"
    return ""


def _curve(found: Sequence[Exchange], substantive: Sequence[bool], stats: Timing) -> Curve:
    """Every exchange's offset, held against the person's own short exchanges."""
    points = (
        Point(
            Span(max(0.0, min(one.question.end, one.answer.start)), max(0.0, one.question.end, one.answer.start)),
            one.offset,
            kind="answer" if long else "short",
        )
        for one, long in zip(found, substantive, strict=True)
    )
    name = "how long after the question's end the answer begins"
    return Curve(name, "s", tuple(points), stats.baseline, "this person's short exchanges in this call, median")


def _evidence(
    found: Sequence[Exchange], parts: Array, stats: Timing, priors: Priors, session: Session
) -> tuple[Evidence, ...]:
    """The answers that speak most for the signal, in order of time; none where none does."""
    carrying = [i for i in np.argsort(-parts)[:MAX_EVIDENCE] if parts[i] > 0 and priors.substantive(found[i])]
    return tuple(
        Evidence(
            span=Span(
                max(0.0, min(found[i].question.end, found[i].answer.start, session.duration)),
                min(found[i].answer.end, session.duration),
            ),
            score=float(parts[i]),
            note=_note(found[i].offset, stats),
            speaker=session.candidate.speaker,
        )
        for i in sorted(carrying)
        if found[i].answer.end > 0 and found[i].question.end < session.duration
    )


def _note(offset: float, stats: Timing) -> str:
    """Relative to the person: raw seconds alone bias a reader (Ziano & Wang, JPSP 2021)."""
    later = offset - (stats.baseline or 0.0)
    return (
        f"Starts {abs(later):.1f} s {'later' if later >= 0 else 'earlier'} than this person's typical short reply in "
        f"this call; their longer answers scatter by {stats.spread:.1f} s."
    )
