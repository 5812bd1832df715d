"""From turns to exchanges: one party's stretch of talk, the candidate's reply, and the time between the two.

Conventions
-----------
The floor-transfer offset (FTO) of an exchange is the start of the reply minus the end of the talk before it, in
seconds: positive is a gap, negative an overlap. Everyone but the candidate counts as one asking party.

A speaker's silences shorter than 180 ms do not end an inter-pausal unit (Heldner & Edlund 2010; Roberts, Torreira &
Levinson 2015). A unit that lies wholly inside the other party's talk transfers no floor ("within-speaker overlap" of
the same authors): back-channels and failed interruptions go this way.

Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Literal

from inperson.types import Span, Turn, merged

BRIDGE = 0.180
"""Longest silence in seconds inside one inter-pausal unit (see the module's text)."""
BACKCHANNEL = 0.7
"""Seconds; a shorter contribution by the asking party is no question ("mm-hm", "okay"). Own choice: median feedback
tokens last about half a second."""
REGROUP = 2.0
"""Seconds of own silence after which the asking party is taken to start a new question. Own choice."""
EARLIEST = -1.0
"""Seconds; a reply that starts earlier than this before the question's end is an interruption. Own choice."""
LATEST = 10.0
"""Seconds; a reply later than this answers something else, or the call was interrupted. Own choice, well above the
slowest published assistants (3 to 5 s)."""
FEWEST_GAPS = 5
"""Gaps of the asking party below which they bound no delay. Own choice."""
LOW = 10
"""Percentile of those gaps that is taken for their lower end, so that one misplaced boundary does not decide. Own
choice."""
REACH = 0.35
"""Seconds a turn boundary may be moved to the nearest speech boundary: the error of diarization, not of speech."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer.

    Attributes
    ----------
    question, answer : Span
        First to last sound of either, in seconds on the recording's clock. They may overlap.
    """

    question: Span
    answer: Span

    @property
    def offset(self) -> float:
        """Floor-transfer offset in seconds; negative where the answer begins before the question has ended."""
        return self.answer.start - self.question.end


@dataclass(frozen=True, slots=True)
class Takeover:
    """How the candidate took the floor from somebody else.

    Attributes
    ----------
    exchange : Exchange
    begins : str
        ``"gap"``; ``"overlap"``: before the question's end, as anticipated ends bring about; ``"interruption"``: before
        `EARLIEST`; ``"late"``: after `LATEST`.
    asked_again : bool
        The asking party went on after a silence of more than `REGROUP` seconds in which no answer came: the question
        was put again, in other words or with more of them. `exchange` counts from the last time.
    """

    exchange: Exchange
    begins: Literal["gap", "overlap", "interruption", "late"]
    asked_again: bool

    @property
    def usable(self) -> bool:
        """Whether it is a question and the answer to it, of which the offset says something."""
        return self.begins in ("gap", "overlap") and self.exchange.question.duration >= BACKCHANNEL


def takeovers(turns: Iterable[Turn], candidate: str) -> list[Takeover]:
    """Every time that `candidate` takes over from anyone else, in order of time; see `exchanges` for the arguments."""
    own, others = _parties(turns, candidate)
    own, others = _outside(own, others), _outside(others, own)
    runs = _runs(own, _without_backchannels(others, own))
    found = []
    for (asks, question), (_, answer) in pairwise(runs):
        if asks:
            groups = merged(question, REGROUP)
            exchange = Exchange(groups[-1], Span(answer[0].start, answer[-1].end))
            found.append(Takeover(exchange, _begins(exchange.offset), len(groups) > 1))
    return found


def exchanges(turns: Iterable[Turn], candidate: str) -> list[Exchange]:
    """The exchanges in which `candidate` takes over from anyone else, in order of time.

    Parameters
    ----------
    turns : iterable of Turn
        In any order; may overlap.
    candidate : str
        Label of the answering speaker.

    Returns
    -------
    list of Exchange
        Empty where the candidate never follows another speaker. Left out: the asking party's contributions under
        `BACKCHANNEL`, replies before `EARLIEST` or after `LATEST`.
    """
    return [one.exchange for one in takeovers(turns, candidate) if one.usable]


def backchannels(turns: Iterable[Turn], candidate: str) -> list[Span]:
    """What `candidate` says wholly inside others' talk, taking no floor: "mm-hm", "right", failed interruptions."""
    own, others = _parties(turns, candidate)
    kept = set(_outside(own, others))
    return [span for span in own if span not in kept]


def delay_bound(turns: Iterable[Turn], candidate: str) -> float | None:
    """A bound on the connection's delay, as this recording shows it, from the asking party's own gaps.

    Whoever waits for the candidate's end hears it late and is recorded late, so none of the asking party's gaps is
    shorter than the delay on their side; it delays the candidate's replies alike where both sides' connections are.
    What is anticipated (an overlap) is bound by nothing and left out.

    Returns
    -------
    float or None
        Seconds: the `LOW`-th percentile of the asking party's gaps after the candidate; None for fewer than
        `FEWEST_GAPS`.
    """
    asking = [replace(turn, speaker="candidate" if turn.speaker == candidate else "asks") for turn in turns]
    gaps = sorted(one.exchange.offset for one in takeovers(asking, "asks") if one.begins == "gap")
    return gaps[len(gaps) * LOW // 100] if len(gaps) >= FEWEST_GAPS else None


def _parties(turns: Iterable[Turn], candidate: str) -> tuple[list[Span], list[Span]]:
    """Inter-pausal units of the candidate and of everybody else."""
    turns = list(turns)
    own = merged((turn.span for turn in turns if turn.speaker == candidate), BRIDGE)
    return own, merged((turn.span for turn in turns if turn.speaker != candidate), BRIDGE)


def _begins(offset: float) -> Literal["gap", "overlap", "interruption", "late"]:
    if offset < EARLIEST:
        return "interruption"
    if offset < 0:
        return "overlap"
    return "gap" if offset <= LATEST else "late"


def refined(exchange: Exchange, speech: Sequence[Span], reach: float = REACH) -> Exchange:
    """Move the boundary between question and answer to where the speech really stopped and began.

    Diarized and transcribed turns are coarse; voice activity is not, but does not know who speaks. So the boundaries
    move, each by at most `reach` seconds, only where a silence lies between question and answer.

    Parameters
    ----------
    exchange : Exchange
    speech : sequence of Span
        Where anyone speaks: sorted, without overlap.
    reach : float
        Seconds.

    Returns
    -------
    Exchange
        The same one where there is no such silence.
    """
    first = bisect_left(speech, exchange.question.end - reach, key=lambda span: span.end)
    best: tuple[float, Span, Span] | None = None
    for before, after in pairwise(islice(speech, first, None)):
        if before.end > exchange.question.end + reach:
            break
        shift = abs(before.end - exchange.question.end) + abs(after.start - exchange.answer.start)
        if abs(after.start - exchange.answer.start) <= reach and (best is None or shift < best[0]):
            best = shift, before, after
    if best is None:
        return exchange
    _, before, after = best
    if before.end <= exchange.question.start or after.start >= exchange.answer.end:
        return exchange
    return replace(
        exchange,
        question=Span(exchange.question.start, before.end),
        answer=Span(after.start, exchange.answer.end),
    )


def _outside(spans: list[Span], others: list[Span]) -> list[Span]:
    """Those of `spans` that are not wholly inside one of `others` (both sorted, without overlap)."""
    kept = []
    for span in spans:
        at = bisect_left(others, span.start, key=lambda other: other.end)
        if at == len(others) or not (others[at].start <= span.start and span.end <= others[at].end):
            kept.append(span)
    return kept


def _without_backchannels(others: list[Span], own: list[Span]) -> list[Span]:
    """Drop the asking party's short units that the candidate talks on after, within `REGROUP` seconds of pausing."""
    kept = []
    for i, span in enumerate(others):
        at = bisect_left(own, span.start, key=lambda unit: unit.start)
        neighbours = (others[i - 1].end if i else -LATEST, others[i + 1].start if i + 1 < len(others) else float("inf"))
        between = (
            0 < at < len(own)
            and own[at].start - own[at - 1].end <= REGROUP
            and neighbours[0] <= own[at - 1].end
            and own[at].start <= neighbours[1]
        )
        if span.duration >= BACKCHANNEL or not between:
            kept.append(span)
    return kept


def _runs(own: list[Span], others: list[Span]) -> list[tuple[bool, list[Span]]]:
    """Consecutive units of one party: ``(asks, units)`` in order of time."""
    runs: list[tuple[bool, list[Span]]] = []
    for span, asks in sorted([(span, False) for span in own] + [(span, True) for span in others]):
        if runs and runs[-1][0] == asks:
            runs[-1][1].append(span)
        else:
            runs.append((asks, [span]))
    return runs
