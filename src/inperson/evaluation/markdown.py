"""An evaluation's report for people to read: tables in Markdown.

Every name that comes from a manifest or a recording is escaped (`safe`): no markup, link, HTML or control character of
it takes effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~$&@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.)")
_LONGEST = 100  # characters of a name
_SENTENCE = 300  # of a reason or a note
_FEATURES = 6  # of the trivia check, in the table
NONE = "–"


def report(document: Mapping[str, Any], plots: Mapping[str, Sequence[str]]) -> str:
    """The whole report. `plots` are paths of pictures for each signal, as the report is to link them."""
    parts = [_heading(document)]
    for signal, figures in document["signals"].items():
        parts.append(_signal(signal, figures, document, plots.get(signal, ())))
    parts.append(_runtime(document.get("runtime", {})))
    return "\n\n".join(part for part in parts if part) + "\n"


def safe(text: str, longest: int = _LONGEST) -> str:
    """`text` so that Markdown shows it inside a line and does nothing else with it; long ones are cut in the middle."""
    from inperson.render import plain

    shown = plain(text)
    if len(shown) > longest:
        shown = f"{shown[: longest // 2]} … {shown[-longest // 2 :]}"
    return _SPECIAL.sub(r"\\\1", shown)


def _heading(document: Mapping[str, Any]) -> str:
    lines = ["# Evaluation", ""]
    manifest, options = document.get("manifest"), document.get("options")
    if manifest:
        lines.append(
            f"Manifest {safe(manifest['name'])}, {manifest['rows']} rows, SHA-256 `{manifest['sha256'][:16]}`. "
            f"inperson {document['version']}."
        )
    if options:
        site = " A site calibration was used." if options["calibration"] else ""
        lines.append(f"Prior {options['prior']:g}, seed {options['seed']}, {options['draws']} bootstrap draws.{site}")
    return "\n".join([*lines, "", _READING])


_READING = (
    "Figures are of scored recordings only; what could not be scored is counted beside them. Brackets hold 95 % "
    "intervals that resample whole persons, or recordings where no person is named; [?] where the recordings "
    "support none. **AUC**: probability that a recording with the signal scores above a bona fide one, 0.5 is "
    "chance. **EER**: error rate where false alarms and misses are equal. **Cllr**: cost of believing the "
    "likelihood ratios, 1 is what saying nothing costs; **min Cllr**: what a perfect calibration would leave of "
    "it. **FA**: false alarms, share of the bona fide; **det**: detections, share of the spoof."
)


def _signal(signal: str, figures: Mapping[str, Any], document: Mapping[str, Any], plots: Sequence[str]) -> str:
    order = document.get("options", {}).get("conditions") or list(figures["conditions"])
    conditions = {name: figures["conditions"][name] for name in order if name in figures["conditions"]}
    model = document.get("models", {}).get(signal)
    parts = [f"## {safe(signal)}"]
    if model:
        parts.append(
            f"Model {safe(model['id'])}"
            + (f", weights `{model['sha256'][:16]}`." if model["sha256"] else ", without weights.")
        )
    parts += [_leak(conditions), _overall(conditions), _costs(conditions), _rules(conditions), _within(conditions)]
    parts.append("\n".join(f"![{safe(signal)}]({path})" for path in plots))
    parts += [
        _quality(conditions),
        _groups(conditions),
        _baselines(conditions),
        _unscored(conditions),
        _worst(conditions),
    ]
    return "\n\n".join(part for part in parts if part)


def _leak(conditions: Mapping[str, Any]) -> str:
    lines = ["### Do the files give the label away?", ""]
    lines.append(
        "A classifier that sees only file-level trivia (duration, level, codec, bit rate, edges...), on groups that it "
        "was not fitted on:"
    )
    lines.append("")
    rows = []
    for name, one in conditions.items():
        leak = one["leak"]
        features = [f for f in leak["features"] if not f["aside"]][:_FEATURES]
        alone = ", ".join(f"{safe(f['feature'])} {f['auc']:.2f}" for f in features)
        aside = ", ".join(f"{f['auc']:.2f}" for f in leak["features"] if f["aside"])
        rows.append([safe(name), number(leak["auc"]), leak["told"], alone or NONE, aside or NONE])
    lines.append(table(["condition", "AUC of the trivia", "so", "strongest alone (AUC)", "band edge alone"], rows))
    return "\n".join(lines)


def _overall(conditions: Mapping[str, Any]) -> str:
    head = ["condition", "bona fide", "spoof", "not scored", "AUC", "EER %", "Cllr", "min Cllr", "det % at 5 % FA"]
    rows = []
    for name, one in conditions.items():
        f = one["figures"]
        figures = [
            number(f["auc"]),
            percent(f["eer"]),
            number(f["cllr"]),
            number(f["min_cllr"]),
            percent(f["detected_at_5_percent"]),
        ]
        rows.append([safe(name), *_counted(one["counts"]), *figures])
    return (
        "### By condition\n\n"
        + table(head, rows)
        + "\n\nCounts are scored of all, in brackets the persons that the scored ones are of where these are fewer. "
        + _NOT_SCORED
    )


_NOT_SCORED = "Not scored, bona fide / spoof: a abstained, i inconclusive, n not applicable, e error."
_LETTERS = (("abstained", "a"), ("inconclusive", "i"), ("not_applicable", "n"), ("error", "e"))


def _counted(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    shown = [_class(count) for count in counts.values()]
    missing = [
        f"{letter} {counts['bonafide'][status]}/{counts['spoof'][status]}"
        for status, letter in _LETTERS
        if counts["bonafide"][status] or counts["spoof"][status]
    ]
    return [*shown, ", ".join(missing) or NONE]


def _class(count: Mapping[str, int]) -> str:
    if not count["recordings"]:
        return NONE
    persons = f" ({count['persons_scored']})" if count["persons_scored"] != count["scored"] else ""
    return f"{count['scored']} of {count['recordings']}{persons}"


def _costs(conditions: Mapping[str, Any]) -> str:
    head = ["condition", "ECE", "act DCF", "min DCF", "det % at 1 % FA"]
    names = (("ece", number), ("act_dcf", number), ("min_dcf", number), ("detected_at_1_percent", percent))
    rows = [[safe(name), *(show(one["figures"][key]) for key, show in names)] for name, one in conditions.items()]
    return (
        table(head, rows)
        + "\n\nDCF: prior 0.05, a miss costs 10, a false alarm 1 (ASVspoof 5); 1 is the cost of not listening."
    )


_RULES = {
    "llr_above_0": "llr > 0",
    "ratio_above_2": "likelihood ratio > 2",
    "nominal_5_percent": "the card's 5 % threshold",
    "p_value_at_most_5_percent": "p-value ≤ 0.05",
}


def _rules(conditions: Mapping[str, Any]) -> str:
    present = [rule for rule in _RULES if any(rule in one["thresholds"] for one in conditions.values())]
    if not present:
        return ""
    rows = []
    for name, one in conditions.items():
        pairs = [one["thresholds"].get(rule, {}) for rule in present]
        rows.append([safe(name), *(percent(pair.get(key)) for pair in pairs for key in ("false_alarms", "detections"))])
    head = ["condition", *(f"{what} %, {_RULES[rule]}" for rule in present for what in ("FA", "det"))]
    return "Thresholds fixed before these recordings were seen:\n\n" + table(head, rows)


def _within(conditions: Mapping[str, Any]) -> str:
    found = {name: one["within"] for name, one in conditions.items() if one["within"]}
    if not found:
        return ""
    column = safe(next(iter(found.values()))["column"])
    rows = [
        [safe(name), str(one["values"]), str(one["bonafide"]), str(one["spoof"]), number(one["auc"])]
        for name, one in found.items()
    ]
    return f"Within one {column}, where bona fide and spoof share the channel:\n\n" + table(
        ["condition", f"values of {column} with both", "bona fide", "spoof", "AUC"], rows
    )


def _quality(conditions: Mapping[str, Any]) -> str:
    rows, correlations = [], []
    for name, one in conditions.items():
        if one["quality"]:
            correlations.append(f"{safe(name)} {number(one['quality']['monotone'])}")
            for stratum in one["quality"]["strata"]:
                between = f"{stratum['low']:.2f} to {stratum['high']:.2f}"
                counted = (str(stratum["bonafide"]), str(stratum["spoof"]))
                rows.append([safe(name), between, *counted, number(stratum["cllr"]), number(stratum["auc"])])
    if not rows:
        return ""
    return (
        "### Does quality know?\n\n"
        + table(["condition", "quality", "bona fide", "spoof", "Cllr", "AUC"], rows)
        + "\n\nRank correlation of quality and error, below 0 where better quality means a smaller error: "
        + "; ".join(correlations)
        + "."
    )


def _groups(conditions: Mapping[str, Any]) -> str:
    parts = []
    for name, one in conditions.items():
        for column, values in one["by"].items():
            if values:
                parts.append(f"### By {safe(column)}, {safe(name)}\n\n{_group_table(column, values)}")
    if not parts:
        return ""
    return (
        "\n\n".join(parts) + "\n\n\\* A group of one class alone: its AUC is against all recordings of the other class."
    )


def _group_table(column: str, values: Mapping[str, Any]) -> str:
    head = [
        safe(column),
        "bona fide",
        "spoof",
        "not scored",
        "AUC",
        "Cllr",
        "FA %, ratio > 2",
        "det %, ratio > 2",
        "FA %, card's 5 %",
        "det %, card's 5 %",
    ]
    rows = []
    for value, one in sorted(values.items()):
        against = one["against_all"]
        auc = number(one["figures"]["auc"]) if against is None else _starred(number(against["auc"]))
        rules = [one["thresholds"].get(rule, {}) for rule in ("ratio_above_2", "nominal_5_percent")]
        rates = [percent(rule.get(key)) for rule in rules for key in ("false_alarms", "detections")]
        rows.append([safe(value), *_counted(one["counts"]), auc, number(one["figures"]["cllr"]), *rates])
    return table(*_without_empty(head, rows))


def _starred(text: str) -> str:
    return text if text == NONE else text + " \\*"


def _without_empty(head: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    kept = [i for i in range(len(head)) if any(row[i] != NONE for row in rows)]
    return [head[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _baselines(conditions: Mapping[str, Any]) -> str:
    names = sorted({one["measurement"] for c in conditions.values() for one in c["baselines"]})
    found = {name: {one["measurement"]: one["auc"] for one in c["baselines"]} for name, c in conditions.items()}
    rows = [["**this signal**", *(number(c["figures"]["auc"]) for c in conditions.values())]]
    rows.append(["file-level trivia, of the scored", *(number(c["leak"]["auc_scored"]) for c in conditions.values())])
    rows += [[safe(name), *(number(found[condition].get(name)) for condition in conditions)] for name in names]
    head = ["AUC of", *(safe(name) for name in conditions)]
    return (
        "### Baselines\n\n"
        + table(head, rows)
        + "\n\nEach measurement of the detector used alone as a score, as it comes: "
        "0.2 is as telling as 0.8, in the other direction."
    )


def _unscored(conditions: Mapping[str, Any]) -> str:
    rows = [
        [
            safe(name),
            one["status"].replace("_", " "),
            safe(one["reason"], _SENTENCE),
            str(one["bonafide"]),
            str(one["spoof"]),
        ]
        for name, c in conditions.items()
        for one in c["unscored"]
    ]
    return (
        "### Why recordings were not scored\n\n" + table(["condition", "status", "reason", "bona fide", "spoof"], rows)
        if rows
        else ""
    )


def _worst(conditions: Mapping[str, Any]) -> str:
    parts = []
    for name, one in conditions.items():
        for kind, title in (("bonafide", "Bona fide, most like the signal"), ("spoof", "Spoof, least like the signal")):
            if one["worst"][kind]:
                rows = [_error(error) for error in one["worst"][kind]]
                head = ["recording", "confidence", "LLR", "quality", "what it is", "strongest moments"]
                parts.append(f"**{title}, {safe(name)}**\n\n{table(head, rows)}")
    return "### Worst errors\n\n" + "\n\n".join(parts) if parts else ""


def _error(error: Mapping[str, Any]) -> list[str]:
    columns = ", ".join(f"{safe(name)} {safe(value)}" for name, value in error["columns"].items())
    moments = "; ".join(f"{m['start']:.1f}–{m['end']:.1f} s {safe(m['note'], _SENTENCE)}" for m in error["evidence"])
    figures = [NONE if error[key] is None else f"{error[key]:.2f}" for key in ("confidence", "llr", "quality")]
    return [safe(error["path"]), *figures, columns or NONE, moments or NONE]


def _runtime(runtime: Mapping[str, Any]) -> str:
    if not runtime:
        return ""
    rows = [
        [
            safe(name),
            str(one["recordings"]),
            f"{one['duration']:.0f}",
            f"{one['wall_per_second']:.2f}",
            f"{one['cpu_per_second']:.2f}",
        ]
        for name, one in runtime.items()
    ]
    head = ["condition", "analyses", "seconds of recording", "wall s a second", "CPU s a second"]
    return "## Runtime\n\n" + table(head, rows) + "\n\nOf the analysis in one worker, degradation left out."


def number(figure: Mapping[str, float | None] | None, scale: float = 1.0, digits: int = 2) -> str:
    """``value [low, high]``."""
    if figure is None or figure["value"] is None:
        return NONE
    low, high = figure["low"], figure["high"]
    ends = "[?]" if low is None or high is None else f"[{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
    return f"{scale * figure['value']:.{digits}f} {ends}"


def percent(figure: Mapping[str, float | None] | None) -> str:
    """The same in percent."""
    return number(figure, 100.0, 0)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells must be safe already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
