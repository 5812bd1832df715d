"""What a card keeps of an ``inperson evaluate``, and how it is shown. Used by ``cards.py``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BREAKDOWNS = ("kind", "language", "codec", "device", "accent", "seen", "turns_from")
"""Columns kept. Others could name persons or the recordings of a private collection."""
FIGURES = {
    "auc": "auc",
    "eer": "eer",
    "cllr": "cllr_bits",
    "min_cllr": "min_cllr_bits",
    "act_dcf": "act_dcf",
    "min_dcf": "min_dcf",
    "ece": "ece",
    "detected_at_1_percent": "detected_at_1_percent_false_alarms",
    "detected_at_5_percent": "detected_at_5_percent_false_alarms",
}
THRESHOLDS = {
    "nominal_5_percent": "at_the_threshold_of_5_percent",
    "ratio_above_2": "with_a_ratio_above_2",
    "llr_above_0": "with_a_ratio_above_1",
}
CLASSES = ("bonafide", "spoof")


def adopted(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each signal of an ``evaluation.json`` what may be published: figures, but no path, name or moment."""
    made = {}
    for signal, found in document["signals"].items():
        made[signal] = {
            "model": document["models"][signal]["id"],
            "model_sha256": document["models"][signal]["sha256"],
            "model_card": document["models"][signal]["card"],
            "version": document["version"],
            "conditions": {
                name: {
                    **_kept(one),
                    "manifest_sha256": document["manifest"]["sha256"],
                    "seed": document["options"]["seed"],
                    "draws": document["options"]["draws"],
                }
                for name, one in found["conditions"].items()
            },
        }
    return made


def _kept(condition: Mapping[str, Any]) -> dict[str, Any]:
    whole = {name: condition[name] for name in ("counts", "figures", "thresholds", "within", "quality", "baselines")}
    whole["leak"] = {name: condition["leak"][name] for name in ("auc", "features", "groups", "told")}
    whole["by"] = {
        column: {
            value: {k: cell[k] for k in ("counts", "figures", "thresholds", "against_all")}
            for value, cell in values.items()
        }
        for column, values in condition["by"].items()
        if column in BREAKDOWNS
    }
    return whole


def condition_table(condition: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values of a condition in the card: a figure is [value, lowest, highest] of its 95 % interval."""
    counts = condition["counts"]
    yield "recordings", [counts[label]["recordings"] for label in CLASSES]
    yield "persons", [counts[label]["persons"] for label in CLASSES]
    yield "scored", [counts[label]["scored"] for label in CLASSES]
    yield from _numbers(condition)
    for column, values in condition["by"].items():
        for value, cell in values.items():
            for key, number in _of_group(cell):
                yield f'by.{column}."{value}".{key}', number
    if condition["within"] and condition["within"]["auc"]:
        yield f"auc_within_{condition['within']['column']}", triple(condition["within"]["auc"])
    if condition["leak"]["auc"]:
        yield "auc_of_file_trivia", triple(condition["leak"]["auc"])
    for one in _telling(condition["baselines"], sum(counts[label]["scored"] for label in CLASSES)):
        yield f"auc_of_measurement.{one['measurement']}", triple(one["auc"])
    yield from _quality(condition["quality"])


def _numbers(cell: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, key in FIGURES.items():
        if cell["figures"].get(name):
            yield key, triple(cell["figures"][name])
    for name, words in THRESHOLDS.items():
        for kind in ("false_alarms", "detections"):
            if (found := cell["thresholds"].get(name, {}).get(kind)) is not None:
                yield f"{kind}_{words}", triple(found)


def _of_group(cell: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "scored", [cell["counts"][label]["scored"] for label in CLASSES]
    kept = {
        "auc",
        "eer",
        *(f"{kind}_{words}" for words in THRESHOLDS.values() for kind in ("false_alarms", "detections")),
    }
    found = dict(_numbers(cell))
    if cell["against_all"] and cell["against_all"]["auc"]:
        found["auc"], found["eer"] = (triple(cell["against_all"][name]) for name in ("auc", "eer"))
    yield from ((key, value) for key, value in found.items() if key in kept)


def _telling(baselines: list[Mapping[str, Any]], scored: int) -> list[Mapping[str, Any]]:
    """The three measurements that, alone, tell most; those that some scored recordings lack are no baseline."""
    known = [one for one in baselines if one["auc"] and one["recordings"] == scored]
    return sorted(known, key=lambda one: -abs(one["auc"]["value"] - 0.5))[:3]


def _quality(found: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    if found and found.get("monotone"):
        yield "rank_correlation_of_quality_and_error", triple(found["monotone"])


def triple(figure: Mapping[str, float | None]) -> list[float]:
    """Value, low, high; the value alone where there is no interval."""
    return [round(x, 3) for x in (figure["value"], figure["low"], figure["high"]) if x is not None]


HEAD = (
    "condition",
    "scored: genuine, signal present (of)",
    "AUC",
    "EER",
    "Cllr, bits",
    "false alarms, ratio above 2",
    "detected, ratio above 2",
    "AUC of one measurement alone",
    "AUC of file trivia",
)


def figure_table(evaluation: Mapping[str, Any]) -> str:
    """A Markdown table of the card's [evaluation], a row a condition."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for name, one in evaluation.items():
        if isinstance(one, Mapping):
            n, of = one["scored"], one["recordings"]
            rows.append(
                (
                    name,
                    f"{n[0]}, {n[1]} ({of[0]}, {of[1]})",
                    shown(one.get("auc")),
                    percent(one.get("eer")),
                    shown(one.get("cllr_bits")),
                    percent(one.get("false_alarms_with_a_ratio_above_2")),
                    percent(one.get("detections_with_a_ratio_above_2")),
                    alone(one.get("auc_of_measurement", {})),
                    shown(one.get("auc_of_file_trivia")),
                )
            )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def alone(measurements: Mapping[str, list[float]]) -> str:
    """The measurement that tells most by itself, as it comes: below 0.5 it is lower where the signal is present."""
    name = max(measurements, key=lambda one: abs(measurements[one][0] - 0.5), default=None)
    return f"{shown(measurements[name])} (`{name}`)" if name else "n/a"


ON_SITE = (
    "signal",
    "channel",
    "recordings (persons)",
    "false alarms after 40 of the channel [95 % of splits]",
    "splits at 0 to 8 %",
    "ratio above 2, after",
    "shipped alone: at its 5 % threshold",
    "shipped alone: ratio above 2",
)


def on_site_table(lines: list[Mapping[str, Any]]) -> str:
    """A Markdown table of what site_guarantee.py wrote, a row a signal and channel with enough recordings."""
    rows = [ON_SITE, ("---",) * len(ON_SITE)]
    for one in (line for line in lines if line["mean"] is not None):
        rows.append(
            (
                f"`{one['signal']}`",
                one["channel"],
                f"{one['recordings']} ({one['persons']})",
                percent([one["mean"], one["low"], one["high"]]),
                percent([one["within_8_percent"]]),
                percent([one["speaks_after"]]),
                one["shipped_at_threshold"] or "n/a",
                one["shipped_speaks"],
            )
        )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def quality_table(cards: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of how quality and error go together, a row a detector."""
    head = (
        "signal",
        "rank correlation of quality and error, when chosen",
        "Cllr of the worst, middling and best third",
        "refused below",
        "the same correlation on devtest, clean",
    )
    rows: list[tuple[str, ...]] = [head, ("---",) * len(head)]
    for card in cards:
        if rule := card.get("abstention"):
            later = card.get("evaluation", {}).get("clean", {}).get("rank_correlation_of_quality_and_error")
            rows.append(
                (
                    f"`{card['name']}`",
                    shown(rule.get("correlation_of_quality_and_error")),
                    ", ".join(f"{one['cllr'][0]:.2f}" for one in rule.get("strata", ())) or "n/a",
                    f"{rule['least_quality']:.2f}" if "least_quality" in rule else rule["rule"],
                    shown(later),
                )
            )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def shown(figure: list[float] | None) -> str:
    """``0.78 [0.71, 0.85]``."""
    if not figure:
        return "n/a"
    return f"{figure[0]:.2f}" + (f" [{figure[1]:.2f}, {figure[2]:.2f}]" if len(figure) == 3 else "")


def percent(figure: list[float] | None) -> str:
    """``31 % [25, 37]``."""
    if not figure:
        return "n/a"
    return f"{100 * figure[0]:.0f} %" + (f" [{100 * figure[1]:.0f}, {100 * figure[2]:.0f}]" if len(figure) == 3 else "")
