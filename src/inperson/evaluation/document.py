"""The evaluation as one JSON document: what was evaluated with what, all figures, and, apart, what it cost in time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inperson.errors import InputError
from inperson.evaluation.figures import SCHEMA, summarise
from inperson.evaluation.rows import Row
from inperson.evaluation.tasks import Settings

DIGITS = 6
NOMINAL = 0.05
"""Rate of false alarms whose threshold is taken from the cards."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows come from: the name and SHA-256 of a manifest (or of a script's rows), and how many it has."""

    name: str
    sha256: str
    rows: int


def documented(
    source: Source,
    rows: Sequence[Row],
    conditions: Sequence[str],
    settings: Settings,
    *,
    by: Sequence[str] | None = None,
    within: str | None = None,
    draws: int = 1000,
) -> dict[str, Any]:
    """The document of an evaluation; see ``docs/evaluate.md`` for its parts.

    Raises
    ------
    InputError
        `by` or `within` names a column that no row has, or `draws` is under 1.
    """
    from inperson import __version__
    from inperson.evaluation import fingerprint

    _require_columns(rows, (*(by or ()), *((within,) if within else ())))
    if draws < 1:
        raise InputError(f"expected at least 1 draw, found {draws}")
    models, nominal = _models({row.signal for row in rows})
    figures = summarise(
        rows, by=by, within=within, nominal=nominal, prior=settings.prior, draws=draws, seed=settings.seed
    )
    made: dict[str, Any] = rounded(
        {
            "schema": SCHEMA,
            "version": __version__,
            "manifest": asdict(source),
            "options": {
                "conditions": list(conditions),
                "prior": settings.prior,
                "face_backend": settings.face_backend,
                "recheck": settings.recheck,
                "calibration": fingerprint.file_digest(settings.calibration) or None,
                "seed": settings.seed,
                "draws": draws,
                "by": figures["by"],
                "within": figures["within"],
            },
            "models": models,
            "libraries": fingerprint.libraries(),
            "signals": figures["signals"],
            "runtime": runtime(rows),
        }
    )
    return made


def _require_columns(rows: Sequence[Row], asked: Sequence[str]) -> None:
    known = dict.fromkeys(name for row in rows for name in row.columns)
    for name in asked:
        if name not in known:
            raise InputError(f"expected a column of {', '.join(known) or 'none at all'}; found {name!r}")


def _models(signals: Iterable[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """Model of each signal with its digests, and the score that its card expects `NOMINAL` bona fide ones to exceed."""
    from inperson import models
    from inperson.calibration import Calibration
    from inperson.detectors import factories, names
    from inperson.evaluation import fingerprint

    found: dict[str, Any] = {}
    nominal: dict[str, float] = {}
    for factory in (one for signal in sorted(set(signals) & set(names())) for one in factories((signal,))):
        detector = factory()
        found[detector.signal] = fingerprint.model(detector.model)
        fitted = Calibration.from_card(models.card(detector.model).calibration, detector.model)
        if NOMINAL in fitted.nominal:
            nominal[detector.signal] = fitted.nominal[NOMINAL]
    return found, nominal


def runtime(rows: Sequence[Row]) -> dict[str, Any]:
    """For each condition: recordings timed, their length, and seconds of analysis a second of recording.

    A recording looked at for several signals was analysed once and counts once.
    """
    timed: dict[str, dict[tuple[str, float | None], Row]] = {}
    for row in rows:
        if row.seconds is not None and row.duration:
            timed.setdefault(row.condition, {})[row.path, row.seconds] = row
    return {condition: _cost(list(found.values())) for condition, found in timed.items()}


def _cost(rows: Sequence[Row]) -> dict[str, Any]:
    length = sum(row.duration or 0.0 for row in rows)
    return {
        "recordings": len(rows),
        "duration": length,
        "wall_per_second": sum(row.seconds or 0.0 for row in rows) / length,
        "cpu_per_second": sum(row.cpu_seconds or 0.0 for row in rows) / length,
    }


def rounded(value: Any) -> Any:
    """`value` with floats to `DIGITS` digits; what is no number is None."""
    if isinstance(value, Mapping):
        return {str(key): rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0 if math.isfinite(value) else None
    return value
