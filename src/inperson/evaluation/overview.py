"""The few figures of an evaluation that a terminal shows when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from inperson.evaluation.markdown import NONE, number, percent
from inperson.render import plain

if TYPE_CHECKING:
    from rich.console import RenderableType


def overview(document: Mapping[str, Any]) -> RenderableType:
    """One line a signal and condition; false alarms at the card's nominal threshold, or at a ratio of 2 without one."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in ("Signal", "Condition", "Scored", "AUC", "EER %", "Cllr", "FA %"):
        table.add_column(name, no_wrap=name != "Condition", overflow="fold")
    for signal, figures in document["signals"].items():
        for condition, one in figures["conditions"].items():
            counts = one["counts"].values()
            scored = f"{sum(c['scored'] for c in counts)}/{sum(c['recordings'] for c in counts)}"
            rule = one["thresholds"].get("nominal_5_percent") or one["thresholds"].get("ratio_above_2") or {}
            f = one["figures"]
            points = (_point(f["eer"], 100, 0), _point(f["cllr"], 1, 2))
            shown = (signal, condition, scored, number(f["auc"]), *points, percent(rule.get("false_alarms")))
            table.add_row(*(Text(plain(text)) for text in shown))
    return table


def _point(figure: Mapping[str, float | None] | None, scale: float, digits: int) -> str:
    """The figure without its interval: a terminal is narrow."""
    if figure is None or figure["value"] is None:
        return NONE
    return f"{scale * figure['value']:.{digits}f}"
