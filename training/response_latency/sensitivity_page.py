"""Write the figures of sensitivity.py into docs/live_assist.md, and draw them.

    python sensitivity_page.py sensitivity.json [--docs ../../docs]

The page's text is written by hand; what stands between its two markers is replaced, and `live_assist.png` drawn again.
Drawing needs matplotlib (`pip install 'inperson[evaluate]'`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

TARGET = 0.8
RATES = (0.05, 0.01)
SHOWN = (0.7, 1.5)
"""Delays (s) whose detections stand in the table of conditions."""
BEGIN, END = "<!-- figures of live assist -->", "<!-- end of figures -->"
Found = dict[str, Any]


def figures(found: Found) -> str:
    """The generated part of the page, without its markers."""
    return "\n".join([*_facts(found), *_smallest(found), *_conditions(found)]).rstrip()


def smallest(cells: Sequence[Found], rate: float) -> float | None:
    """The shortest delay from which on at least `TARGET` are found; None where that is not so at the longest."""
    reached = None
    for cell in sorted(cells, key=lambda cell: -cell["delay"]):
        if cell[f"detected_at_{rate:g}"][0] < TARGET:
            break
        reached = cell["delay"]
    return reached


def _facts(found: Found) -> Iterator[str]:
    people = ", ".join(
        f"{kind['people']} of {name}s ({100 * kind['weight']:.0f} % of the simulated)"
        for name, kind in found["population"].items()
    )
    yield f"**Everything below is simulated.** Model `{found['model']}`; human timing from speakers: {people}."
    yield f"{found['people']} assisted people a cell; each threshold from {found['unassisted']} unassisted ones."
    yield ""


def _smallest(found: Found) -> Iterator[str]:
    answers = sorted({row["answers"] for row in found["map"]})
    delays = sorted({row["delay"] for row in found["map"]})
    yield "Shortest mean delay (s) of the assistant from which four in five are found, at 5 % / at 1 % false alarms:"
    yield ""
    yield "| spread of the delays | " + " | ".join(f"{n} answers" for n in answers) + " |"
    yield "| --- |" + " --- |" * len(answers)
    for spread in sorted({row["spread"] for row in found["map"]}):
        cells = []
        for n in answers:
            rows = [row for row in found["map"] if row["answers"] == n and row["spread"] == spread]
            cells.append(" / ".join(_delay(smallest(rows, rate)) for rate in RATES))
        yield f"| {spread:g} s | " + " | ".join(cells) + " |"
    yield ""
    yield f"A dash: not even at {delays[-1]:g} s. Tried: {', '.join(f'{delay:g}' for delay in delays)} s."
    yield ""


def _delay(delay: float | None) -> str:
    return "-" if delay is None else f"{delay:g}"


def _conditions(found: Found) -> Iterator[str]:
    yield f"What moves it, at a spread of {found['spread_of_conditions']:g} s. Thresholds stay those of ordinary"
    yield "people, so the columns of flags say what a group pays that never saw an assistant."
    yield ""
    shown = " | ".join(f"found at {delay:g} s, 5 % / 1 %" for delay in SHOWN)
    yield f"| answers | simulated | unassisted flagged at 5 % | at 1 % | {shown} | four in five from (s), 5 % / 1 % |"
    yield "| --- | --- | --- | --- |" + " --- |" * (len(SHOWN) + 1)
    for row in found["conditions"]:
        alarms = [_share(row.get(f"flagged_at_{rate:g}")) for rate in RATES]
        cells = {cell["delay"]: cell for cell in row["cells"]}
        detected = [" / ".join(_short(cells[delay][f"detected_at_{rate:g}"]) for rate in RATES) for delay in SHOWN]
        least = " / ".join(_delay(smallest(row["cells"], rate)) for rate in RATES)
        yield f"| {row['answers']} | {row['setting']} | " + " | ".join([*alarms, *detected, least]) + " |"


def _share(value: Sequence[float] | None) -> str:
    if value is None:
        return ""
    return "{:.1f} % [{:.1f}, {:.1f}]".format(*(100 * part for part in value))


def _short(value: Sequence[float]) -> str:
    return f"{100 * value[0]:.0f} %"


def draw(found: Found, path: Path) -> None:
    """One panel a spread: the share found at 1 % false alarms, and where four in five are."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    cell = {(row["answers"], row["delay"], row["spread"]): row for row in found["map"]}
    answers, delays, spreads = (sorted({key[i] for key in cell}) for i in range(3))
    figure, axes = plt.subplots(1, len(spreads), figsize=(11, 2.9), sharey=True, layout="constrained")
    for axis, spread in zip(axes, spreads, strict=True):
        grids = {
            rate: np.array([[cell[n, delay, spread][f"detected_at_{rate:g}"][0] for n in answers] for delay in delays])
            for rate in RATES
        }
        image = axis.imshow(grids[0.01], origin="lower", vmin=0, vmax=1, cmap="cividis", aspect="auto")
        for (i, j), value in np.ndenumerate(grids[0.01]):
            ink = "w" if value < 0.6 else "k"
            axis.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=ink)
        for rate, style in ((0.01, "-"), (0.05, ":")):
            if grids[rate].min() < TARGET < grids[rate].max():
                axis.contour(grids[rate], [TARGET], colors="#d55e00", linestyles=style, linewidths=1.5)
        axis.set_title(f"spread {spread:g} s", fontsize=9)
        axis.set_xticks(range(len(answers)), answers, fontsize=8)
        axis.set_xlabel("answers", fontsize=8)
    axes[0].set_yticks(range(len(delays)), [f"{delay:g}" for delay in delays], fontsize=8)
    axes[0].set_ylabel("mean delay, s", fontsize=8)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("found at 1 % false alarms", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    title = "Simulated: assisted people found, % at 1 % false alarms; lines: 80 % at 1 % (solid), at 5 % (dotted)"
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def replaced(page: str, part: str) -> str:
    """The page with `part` between its markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, help="what sensitivity.py wrote")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[2] / "docs")
    args = parser.parse_args()
    found = json.loads(args.figures.read_text(encoding="utf-8"))
    page = args.docs / "live_assist.md"
    page.write_text(replaced(page.read_text(encoding="utf-8"), figures(found)), encoding="utf-8")
    draw(found, args.docs / "live_assist.png")


if __name__ == "__main__":
    main()
