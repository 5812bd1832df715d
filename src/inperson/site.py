"""A platform's own genuine recordings: how unusual a new recording is among them.

The shipped calibration was fitted on other microphones, cameras, codecs and people than a platform has. A platform that
gives some of its own genuine recordings gets, beside it, a p-value per signal with a guaranteed rate of false alarms
(`inperson._conformal` says what is guaranteed and by whom), and no likelihood ratio beyond what that p-value supports.

>>> from inperson import analyze, site
>>> own = site.read("site.toml")  # doctest: +SKIP
>>> analyze("call.mp4", calibration=own).finding("lip_sync").p_value  # doctest: +SKIP
0.039

The file holds raw scores and qualities, and no name, path or hash of a recording.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inperson import _conformal
from inperson._conformal import ASSURANCE
from inperson.errors import InputError

if TYPE_CHECKING:
    from inperson.report import Finding, Report

SCHEMA = "inperson/site/1"
MIN_SCORED = 10
"""Fewest scored recordings for a p-value. Own choice: with fewer, the most unusual score there can be says nothing (a
p-value of 0.15 at best)."""
STRATA = 3
"""Equal parts of the quality scale, fixed beforehand so that the guarantee holds in each (Mondrian conformal
prediction: Vovk, Gammerman & Shafer 2005, section 4.5)."""
STRATUM_SCORED = 40
"""Fewest scored recordings of a part of the quality scale before a recording in it is compared with that part too. Own
choice: a p-value of 0.04 must stay within reach."""
MEASURED = frozenset({"scored", "inconclusive"})
"""Findings whose score counts. An inconclusive one does too: left out, the highest genuine scores would be missing."""
_BYTES = 1 << 26
_WORD = 80


@dataclass(frozen=True, slots=True)
class Comparison:
    """One score among a platform's genuine ones.

    Attributes
    ----------
    p_value : float or None
        See `inperson._conformal.p_value`; the larger of those over all qualities and over the recording's own.
    reason : str
        Why there is none; empty if there is one.
    most : float
        No log10 likelihood ratio above this is supported; infinite where nothing is known.
    """

    p_value: float | None
    reason: str = ""
    most: float = math.inf


@dataclass(frozen=True, slots=True)
class Genuine:
    """What one signal's detector measured on genuine recordings.

    Attributes
    ----------
    model : str
        Name and version of the card; scores of another version do not compare.
    scores : tuple of n floats
        Raw scores, ascending; n may be 0.
    qualities : tuple of n floats
        The quality of the recording of each score, 0 to 1.
    abstained : int
        Recordings without a score.
    """

    model: str
    scores: tuple[float, ...]
    qualities: tuple[float, ...]
    abstained: int = 0

    def compare(self, score: float, quality: float, assurance: float = ASSURANCE) -> Comparison:
        """Place `score`, of a recording of `quality` (0 to 1), among these."""
        count = len(self.scores)
        if count < MIN_SCORED:
            return Comparison(
                None, f"{count} genuine recordings were scored in the calibration, at least {MIN_SCORED} are needed"
            )
        p = _conformal.p_value(score, self.scores, assurance)
        if quality < min(self.qualities):
            reason = "no genuine recording of a quality as low as this was in the calibration"
            return Comparison(None, reason, _conformal.most_llr(p))
        pairs = zip(self.scores, self.qualities, strict=True)
        alike = [s for s, q in pairs if _stratum(q) == _stratum(quality)]
        if len(alike) >= STRATUM_SCORED:
            p = max(p, _conformal.p_value(score, alike, assurance))
        return Comparison(p, most=_conformal.most_llr(p))


@dataclass(frozen=True, slots=True)
class Site:
    """A platform's calibration: what every signal measured on its genuine recordings. Picklable.

    Attributes
    ----------
    label : str
        What the platform calls it; printable, at most 80 characters.
    recordings : int
        Genuine recordings analysed, same contents counted once.
    signals : mapping of str to Genuine
        By signal.
    assurance : float
        Probability, over calibration sets, that the rate of false alarms holds; in [0.5, 1).
    sha256 : str
        Of the file it was read from; empty if it comes from none.

    Raises
    ------
    InputError
        A value is not as described.
    """

    label: str
    recordings: int
    signals: Mapping[str, Genuine]
    assurance: float = ASSURANCE
    sha256: str = ""

    def __post_init__(self) -> None:
        _conformal.require_assurance(self.assurance)
        for word in (self.label, *self.signals, *(one.model for one in self.signals.values())):
            _require(0 < len(word) <= _WORD and word.isprintable(), f"expected a short printable name, found {word!r}")
        _require(self.recordings >= 0, f"expected a number of recordings, found {self.recordings}")
        for signal, one in self.signals.items():
            _check(signal, one)

    def require(self, signal: str, model: str) -> None:
        """Refuse scores of another model than the one in use. A signal that is not covered passes.

        Raises
        ------
        InputError
            The calibration of `signal` was made with another model; the text names the remedy.
        """
        made = self.signals[signal].model if signal in self.signals else model
        _require(
            made == model,
            f"the site calibration {self.label!r} holds scores of {made}, but {signal} is now measured by {model}; run "
            "inperson calibrate again, on recordings and not on older results",
        )

    def compare(self, signal: str, score: float, quality: float) -> Comparison:
        """Place one signal's score, of a recording of `quality` (0 to 1), among the platform's genuine ones."""
        if signal not in self.signals:
            return Comparison(None, "the calibration does not cover this signal")
        return self.signals[signal].compare(score, quality, self.assurance)

    def to_toml(self) -> str:
        """The file's content; the same for the same recordings, in whatever order they came."""
        parts = [
            f"# How this platform's genuine recordings score. Made by inperson calibrate, read by check and batch.\n"
            f'schema = "{SCHEMA}"\nlabel = {_quoted(self.label)}\nassurance = {self.assurance!r}\n'
            f"recordings = {self.recordings}\n"
        ]
        parts += [
            f"\n[signals.{_quoted(signal)}]\nmodel = {_quoted(one.model)}\nabstained = {one.abstained}\n"
            f"scores = {_numbers(one.scores)}\nqualities = {_numbers(one.qualities)}\n"
            for signal, one in self.signals.items()
        ]
        return "".join(parts)


def of(calibration: Site | str | Path | None) -> Site | None:
    """A site calibration given as itself, as its file, or not at all. Errors as in `read`."""
    return read(calibration) if isinstance(calibration, str | Path) else calibration


def require_models(own: Site | str | Path | None, signals: Iterable[str] | None) -> None:
    """Find out now that a calibration is of other models than those in use for `signals` (None: all).

    Raises
    ------
    InputError
        It is, or a signal is not known.
    """
    from inperson.detectors import factories

    if (made := of(own)) is not None:
        for factory in factories(signals):
            detector = factory()
            made.require(detector.signal, detector.model)


def require_use(made: Site) -> None:
    """Refuse a calibration that no recording can be compared with.

    Raises
    ------
    InputError
        No signal was scored on `MIN_SCORED` recordings.
    """
    most = max((len(one.scores) for one in made.signals.values()), default=0)
    _require(
        most >= MIN_SCORED,
        f"{made.recordings} genuine recordings were analysed and no signal was scored on more than {most}; at least "
        f"{MIN_SCORED} scored ones are needed, and {_conformal.needed(0.05, made.assurance)} for false alarms of 5 %",
    )


def read(path: str | Path) -> Site:
    """Read a site calibration.

    Raises
    ------
    InputError
        The file cannot be read, or is none that `inperson calibrate` writes.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read the site calibration {path}: {error.strerror}") from None
    try:
        _require(len(content) <= _BYTES, f"expected at most {_BYTES >> 20} MiB, found more")
        return _parsed(tomllib.loads(content.decode()), hashlib.sha256(content).hexdigest())
    except (InputError, ValueError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}" if not isinstance(error, InputError) else str(error)
        raise InputError(f"{path} is no site calibration: {what}; make one with inperson calibrate") from None


def measured(
    reports: Iterable[Report],
    label: str = "site",
    assurance: float = ASSURANCE,
    *,
    signals: Iterable[str] | None = None,
) -> Site:
    """The calibration that reports of genuine recordings make.

    Recordings of the same content (SHA-256) count once. The recordings should be of different people: several of one
    person are less than that many.

    Parameters
    ----------
    reports : iterable of Report
        Of genuine recordings only; may be none.
    label, assurance
        As in `Site`.
    signals : iterable of str, optional
        Only these; all that the reports hold by default.

    Raises
    ------
    InputError
        Reports are of different models or signals, or of an inperson that did not yet write raw scores.
    """
    wanted = None if signals is None else set(signals)
    seen: set[str] = set()
    found: dict[str, list[Finding]] = {}
    for report in reports:
        if report.media.sha256 not in seen:
            seen.add(report.media.sha256)
            for finding in report.findings:
                if wanted is None or finding.signal in wanted:
                    found.setdefault(finding.signal, []).append(finding)
    made = {signal: _genuine(signal, findings, len(seen)) for signal, findings in found.items()}
    return Site(label=label, recordings=len(seen), signals=made, assurance=assurance)


def results(path: str | Path, wanted: Container[str] | None = None) -> Iterator[Report]:
    """Reports in a file that `inperson batch` wrote; lines that are errors are left out.

    Parameters
    ----------
    path : path
        The results file.
    wanted : container of str, optional
        Only recordings of these paths.

    Raises
    ------
    InputError
        The file cannot be read, or a line is no result.
    """
    from inperson._batch.results import read as rows

    for row in rows(path):
        if row.report is not None and (wanted is None or any(name in wanted for name in row.paths)):
            yield row.report


def _genuine(signal: str, findings: list[Finding], recordings: int) -> Genuine:
    _require(
        len(findings) == recordings,
        f"{len(findings)} of {recordings} recordings have a result for {signal}; analyse all with the same --signals, "
        "into another results file",
    )
    scored = [finding for finding in findings if finding.status in MEASURED]
    models = sorted({str(finding.model) for finding in findings})
    _require(
        len(models) == 1, f"the results of {signal} come from {' and '.join(models)}; analyse all with one version"
    )
    pairs = sorted((f.score, 1.0 if f.quality is None else f.quality) for f in scored if f.score is not None)
    _require(
        len(pairs) == len(scored),
        f"the results of {signal} hold no raw scores: an older inperson wrote them; analyse the recordings again",
    )
    return Genuine(models[0], tuple(s for s, _ in pairs), tuple(q for _, q in pairs), len(findings) - len(scored))


def _parsed(data: Mapping[str, Any], sha256: str) -> Site:
    _require(data.get("schema") == SCHEMA, f"expected the schema {SCHEMA!r}, found {data.get('schema')!r}")
    signals = data.get("signals")
    _require(isinstance(signals, dict), "expected a table signals")
    return Site(
        label=_text(data, "label"),
        recordings=_count(data, "recordings"),
        signals={str(signal): _entry(signal, table) for signal, table in dict(signals or {}).items()},
        assurance=_number(data.get("assurance")),
        sha256=sha256,
    )


def _entry(signal: str, table: Any) -> Genuine:
    _require(isinstance(table, dict), f"expected {signal} to be a table")
    scores, qualities = table.get("scores"), table.get("qualities")
    _require(isinstance(scores, list) and isinstance(qualities, list), f"{signal}: expected scores and qualities")
    return Genuine(
        model=_text(table, "model"),
        scores=tuple(map(_number, scores)),
        qualities=tuple(map(_number, qualities)),
        abstained=_count(table, "abstained"),
    )


def _check(signal: str, one: Genuine) -> None:
    _require(all(map(math.isfinite, one.scores)), f"{signal}: a score is not finite")
    _require(all(0 <= q <= 1 for q in one.qualities), f"{signal}: a quality is not between 0 and 1")
    _require(list(one.scores) == sorted(one.scores), f"{signal}: the scores are not sorted")
    found = len(one.scores), len(one.qualities)
    _require(found[0] == found[1], f"{signal}: expected as many qualities as scores, found {found[1]} and {found[0]}")
    _require(one.abstained >= 0, f"{signal}: expected a number of abstentions, found {one.abstained}")


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    _require(isinstance(value, str), f"expected a text as {key}, found {value!r}"[:200])
    return str(value)


def _count(table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    _require(isinstance(value, int) and not isinstance(value, bool), f"expected a whole {key}, found {value!r}"[:200])
    return int(value or 0)


def _number(value: Any) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    _require(fits, f"expected a finite number, found {value!r}"[:200])
    return float(value)


def _stratum(quality: float) -> int:
    return min(int(quality * STRATA), STRATA - 1)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # printable text: what JSON escapes of it, TOML reads


def _numbers(values: tuple[float, ...]) -> str:
    return "[" + ", ".join(repr(float(x)) for x in values) + "]"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
