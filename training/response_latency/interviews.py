"""Simulated two-party interviews whose timing is drawn from measured people: question, answer, and the time between.

Everything here is simulated. Human offsets, and the lengths of questions and answers, come from `population.py`; an
assistant's onset is a delay with a mean and a spread, the two numbers that the maps of `sensitivity.py` vary. The
result is a list of turns, so that it takes the same way through the library as a real conversation. For sound, see
`training/protocols/response_latency.py`, which speaks turns with real voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from population import SHAPE, Array, Kind
from simulate import SUBSTANTIVE, Conversation

from inperson.exchanges import EARLIEST, LATEST
from inperson.types import Span, Turn

INTERVIEWER, CANDIDATE = "interviewer", "candidate"
SHORT_QUESTION, SHORT_ANSWER = (0.8, 1.9), (0.3, 1.3)
"""Seconds, evenly drawn; small talk, yes or no. Own choice, below what counts as an answer."""
LONGEST = 120.0
GAP = (0.5, 0.4)
"""Median (s) and sigma of the log-normal pause before the next question. Own choice; nothing rests on it."""
LEAST_GAP = 0.25
FIRST = 0.1
"""Seconds: nobody reads out a text sooner than this."""


@dataclass(frozen=True)
class Person:
    """One simulated person: `population.TRAITS`, and the kind they are of."""

    kind: Kind
    traits: Array


@dataclass(frozen=True)
class Habit:
    """What makes a simulated person harder to tell from somebody assisted; the defaults change nothing.

    Attributes
    ----------
    mean : float or None
        Seconds: the person's mean offset is moved there.
    stretch : float
        Factor on the deviations from it.
    later : float
        Mean in seconds of a gamma-distributed (shape 1.6) extra before longer answers: thinking, or finding words.
    pauses : float
        Silent pauses a second within answers, 0.6 s long at the median.
    """

    mean: float | None = None
    stretch: float = 1.0
    later: float = 0.0
    pauses: float = 0.0


PLAIN = Habit()
HABITS = {
    "slow: mean 1.5 s, scatter x 1.3": Habit(mean=1.5, stretch=1.3),
    "thinks before longer answers: 0.8 s more on average": Habit(later=0.8),
    "second language: mean 0.9 s, scatter x 1.3, 0.4 s more, pauses": Habit(0.9, 1.3, 0.4, 0.3),
}


@dataclass(frozen=True)
class Assistant:
    """Delay from the question's end to the answer's onset: log-normal with this mean and standard deviation, seconds.

    `share` of the longer answers follow it; short exchanges too with `also_short`.
    """

    delay: float
    spread: float
    share: float = 1.0
    also_short: bool = False


@dataclass(frozen=True)
class Plan:
    """An interview before it is laid out: one row an exchange, in order; `offsets` are the person's own."""

    long: NDArray
    questions: Array
    answers: Array
    offsets: Array
    gaps: Array
    pauses: float


def drawn(kinds: Sequence[Kind], rng: np.random.Generator, weighted: bool = True) -> Person:
    """A person of one of the kinds, by weight or evenly."""
    weights = np.array([kind.weight if weighted else 1.0 for kind in kinds])
    kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    return Person(kind, rng.multivariate_normal(kind.mean, kind.covariance, check_valid="ignore"))


def planned(person: Person, answers: int, short: int, rng: np.random.Generator, habit: Habit) -> Plan:
    """An interview with so many longer answers and short exchanges, mixed, unassisted."""
    kind, (baseline, thinking, log_short, log_long, growth, log_question, log_answer) = person.kind, person.traits
    long = rng.permutation(np.arange(answers + short) < answers)
    questions = _lengths(rng, long, log_question, kind.spread_question, SUBSTANTIVE[0], SHORT_QUESTION)
    said = _lengths(rng, long, log_answer, kind.spread_answer, SUBSTANTIVE[1], SHORT_ANSWER)
    doubled = np.log2(questions) - log_question / np.log(2)
    level = np.where(long, baseline + thinking + growth * doubled, baseline)
    around = [np.interp(rng.random(len(long)), SHAPE, shape) for shape in (kind.long, kind.short)]
    offsets = level + np.where(long, np.exp(log_long) * around[0], np.exp(log_short) * around[1])
    if habit.mean is not None:
        offsets = habit.mean + habit.stretch * (offsets - offsets.mean())
    if habit.later:
        offsets = offsets + long * rng.gamma(1.6, habit.later / 1.6, len(long))
    gaps = np.maximum(LEAST_GAP, rng.lognormal(np.log(GAP[0]), GAP[1], len(long)))
    return Plan(long, questions, said, offsets, gaps, habit.pauses)


def _lengths(
    rng: np.random.Generator, long: NDArray, mean: float, sigma: float, least: float, short: tuple[float, float]
) -> Array:
    drawn_long = np.exp(rng.normal(mean, sigma, len(long)))
    # What falls short is not substantive: its place is taken by a length just above, not by a new draw.
    return np.where(
        long, np.clip(drawn_long, least + 0.3 * rng.random(len(long)) + 0.05, LONGEST), rng.uniform(*short, len(long))
    )


def assisted(plan: Plan, assistant: Assistant, rng: np.random.Generator) -> Array:
    """The plan's offsets with an assistant's in their place."""
    sigma = np.sqrt(np.log1p((assistant.spread / assistant.delay) ** 2))
    onsets = np.maximum(FIRST, rng.lognormal(np.log(assistant.delay) - sigma**2 / 2, sigma, len(plan.long)))
    used = (plan.long | assistant.also_short) & (rng.random(len(plan.long)) < assistant.share)
    return np.where(used, onsets, plan.offsets)


def connected(offsets: Array, jitter: float, rng: np.random.Generator) -> Array:
    """The offsets as they arrive over a connection whose delay varies from answer to answer: normal, sd `jitter` s."""
    return offsets + rng.normal(0, jitter, len(offsets)) if jitter else offsets


def conversation(plan: Plan, offsets: Array, rng: np.random.Generator | None = None) -> Conversation:
    """Turns of the plan with these offsets; without `rng` nobody pauses within an answer."""
    turns, now = [], 0.0
    for asked, said, offset, gap in zip(plan.questions, plan.answers, offsets, plan.gaps, strict=True):
        end = now + asked
        start = end + min(max(float(offset), EARLIEST + 0.02), LATEST - 0.1)
        start = max(start, now + 0.2)
        stop = max(start + said, end + 0.2)
        turns.append(Turn(Span(now, end), INTERVIEWER))
        turns += [Turn(span, CANDIDATE) for span in _paused(Span(start, stop), plan.pauses, rng)]
        now = turns[-1].span.end + gap
    return Conversation("simulated", "simulated", "simulated", tuple(sorted(turns)), CANDIDATE)


def _paused(span: Span, pauses: float, rng: np.random.Generator | None) -> list[Span]:
    if rng is None or not pauses or span.duration < 2.0:
        return [span]
    found, start = [], span.start
    for at in np.sort(rng.uniform(span.start + 0.5, span.end - 0.5, rng.poisson(pauses * span.duration))):
        if at - start > 0.3:
            found.append(Span(start, float(at)))
            start = float(at) + float(rng.lognormal(np.log(0.6), 0.5))
    return [*found, Span(start, max(span.end, start + 0.5))]
