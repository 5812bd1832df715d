"""A report for people to read in a terminal: a table of signals, then what each was measured on.

Every text that may come from a recording, its name or a transcript is made harmless first (`plain`): no control
character, terminal escape, text-direction mark or console markup of it takes effect.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from inperson.bench import Bench
    from inperson.models import Card
    from inperson.report import Finding, Moment, Report

BARE = {"response_latency": ("offset_median", "baseline_median", "first_sound_median", "fluent_onset_median")}
"""Measurements that are in the JSON alone: a bare latency sways whoever sees it (docs/responsible_use.md)."""
MOMENTS = 8
"""Most moments shown for one signal; the rest is in the JSON."""
WORDS = {
    "scored": "scored",
    "inconclusive": "inconclusive",
    "abstained": "abstained",
    "not_applicable": "not applicable",
}
CLOSING = (
    "This is evidence for a person to weigh, not a verdict. Confidence is P(signal present | this evidence) at the "
    "stated prior; listen and look at the moments named, and consider the innocent explanations."
)
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    """`text` on one line, with control, formatting, direction and unassigned characters written as escapes.

    The result holds no character that moves the cursor, changes direction, hides or ends a line. Console markup is kept
    as it is: put the result in a `rich.text.Text`, never in a markup string.
    """
    return "".join(_escaped(char) if unicodedata.category(char) in _UNSAFE else char for char in text)


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]


def clock(seconds: float) -> str:
    """``mm:ss.s``, with hours in front from one hour on: 75.25 is ``01:15.2``."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    short = f"{minutes:02d}:{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{short}" if hours else short


def text(report: Report, width: int = 80) -> str:
    """The view as plain text, `width` columns wide, without colour."""
    console = Console(width=width, color_system=None, force_terminal=False, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(view(report))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def view(report: Report) -> RenderableType:
    """The report as something that a rich console prints; it fits 80 columns and more."""
    parts: list[RenderableType] = [_heading(report), Text(), _table(report)]
    for finding in report.findings:
        parts += [Text(), _details(finding)]
    if report.warnings:
        parts += [Text(), _pairs(("Warning" if not i else "", warning) for i, warning in enumerate(report.warnings))]
    parts += [Text(), Text(CLOSING, style="italic")]
    return Group(*parts)


def _heading(report: Report) -> RenderableType:
    media, who = report.media, report.candidate
    facts = [media.container, *media.codecs, clock(media.duration)]
    if media.video is not None:
        rate = f" at {media.video.rate:.4g}/s" if media.video.rate else ""
        facts.insert(-1, f"{media.video.width}x{media.video.height}{rate}")
    face = "no face chosen" if who.track is None else f"face {who.track}"
    voice = "no voice chosen" if who.speaker is None else f"speaker {who.speaker}"
    rows = [
        ("Recording", media.path),
        ("", ", ".join(facts)),
        ("SHA-256", media.sha256),
        ("Candidate", f"{face}, {voice}: {who.how}"),
        ("Prior", f"{report.prior:g} (stated, not estimated)"),
    ]
    if report.excluded:
        rows.append(("Left out", ", ".join(f"{clock(start)} to {clock(end)}" for start, end in report.excluded)))
    if report.site is not None:
        own = report.site
        rows.append(
            (
                "Compared",
                f"with {own.recordings} genuine recordings of {own.label}, {own.assurance:.0%} sure of the rates",
            )
        )
    return _pairs(rows)


def _table(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    names = ["Signal", "Status", f"P at prior {report.prior:g}", "95 % interval", "LLR", "Quality"]
    compared = report.site is not None
    for name in names + ["Genuine\nhere"] * compared:
        numeric = name not in ("Signal", "Status", "95 % interval", "Genuine\nhere")
        most = {"Status": 10, names[2]: 7}.get(name) if compared else None  # so that one column more fits 80
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", max_width=most)
    for finding in report.findings:
        table.add_row(
            Text(plain(finding.signal), style="bold" if finding.status == "scored" else "dim"),
            Text(WORDS[finding.status], style="" if finding.status == "scored" else "dim"),
            "" if finding.confidence is None else f"{finding.confidence:.2f}",
            "" if finding.interval is None else "{:.2f} to {:.2f}".format(*finding.interval),
            "" if finding.llr is None else f"{finding.llr:+.2f}",
            "" if finding.quality is None else f"{finding.quality:.2f}",
            *([_share(finding)] * compared),
        )
    return table


def _share(finding: Finding) -> str:
    """How many genuine recordings of the platform score as high at most."""
    if finding.p_value is None:
        return ""
    return f"1 in {int(1 / finding.p_value)}" if finding.p_value <= 0.5 else "usual"


def _here(finding: Finding) -> str:
    """The same as a sentence, or why there is no comparison."""
    if finding.p_value is None:
        return f"not compared: {finding.p_value_reason}"
    if finding.p_value > 0.5:
        return "usual: most genuine recordings here may score as high as this or higher"
    return f"at most {_share(finding)} genuine recordings here scores as high as this or higher"


def _details(finding: Finding) -> RenderableType:
    title = Text(plain(finding.signal), style="bold")
    title.append(f"  {WORDS[finding.status]}", style="not bold dim")
    if finding.model:
        title.append(f"  {plain(finding.model)}", style="not bold dim")
    rows: list[tuple[str, str]] = []
    if finding.reason:
        rows.append(("Reason", finding.reason))
    if finding.p_value is not None or finding.p_value_reason:
        rows.append(("Here", _here(finding)))
    if finding.measurements:
        words = (
            f"{name.replace('_', ' ')} {_amount(q.value, q.unit)}"
            for name, q in finding.measurements.items()
            if name not in BARE.get(finding.signal, ())
        )
        rows.append(("Measured", "; ".join(words)))
    rows += [("Also fits" if not i else "", f"- {other}") for i, other in enumerate(finding.alternatives)]
    parts: list[RenderableType] = [title]
    if rows:
        parts.append(Padding(_pairs(rows), (0, 0, 0, 2)))
    if finding.evidence:
        parts.append(Padding(_moments(finding.evidence), (0, 0, 0, 2)))
    return Group(*parts)


def _moments(evidence: tuple[Moment, ...]) -> RenderableType:
    """The strongest moments in order of time."""
    shown = sorted(sorted(evidence, key=lambda m: -m.score)[:MOMENTS], key=lambda m: (m.start, m.end))
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("Moments", no_wrap=True, style="cyan")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for moment in shown:
        about = [f"face {moment.track}"] * (moment.track is not None)
        about += [f"speaker {moment.speaker}"] * (moment.speaker is not None)
        note = moment.note + (f" ({', '.join(about)})" if about else "")
        table.add_row(f"{clock(moment.start)} to {clock(moment.end)}", f"{moment.score:.3g}", Text(plain(note)))
    if len(evidence) == len(shown):
        return table
    return Group(table, Text(f"and {len(evidence) - len(shown)} weaker moments in the JSON", style="dim"))


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, style="dim", min_width=9)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(plain(value)))
    return table


def _amount(value: float, unit: str) -> str:
    number = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"
    return number if unit == "1" else f"{number} {unit}"


def models_table(states: Iterable[tuple[str, Card | None, str]]) -> Table:
    """Cards as rows: what each is, and whether its weights are unaltered.

    Parameters
    ----------
    states : iterable of (str, Card or None, str)
        Name, card if it could be read, and the problem with it or an empty text.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in ("Model", "Version", "Licence", "Size", "State"):
        table.add_column(title, justify="right" if title == "Size" else "left", overflow="fold")
    for name, card, problem in states:
        size = "card only" if card is not None and card.path is None else ""
        if card is not None and card.path is not None and not problem:
            size = f"{card.path.stat().st_size / 1000:.0f} kB"
        cells = (name, "", "") if card is None else (card.name, card.version, str(card.data["licence"]))
        table.add_row(*(Text(plain(cell)) for cell in cells), size, Text(plain(problem or "unaltered")))
    return table


def bench_table(bench: Bench) -> RenderableType:
    """Stages as rows, longest first as they add up, with the totals below."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in ("Stage", "seconds", "CPU seconds", "x decode"):
        table.add_column(title, justify="left" if title == "Stage" else "right")
    stages = sorted(bench.stages, key=lambda stage: -stage.cpu_seconds)
    for stage in (bench.decode, *stages, bench.total):
        times = stage.cpu_seconds / max(bench.decode.cpu_seconds, 1e-9)
        strong = "bold" if stage in (bench.decode, bench.total) else ""
        table.add_row(
            Text(plain(stage.name), style=strong), f"{stage.seconds:.2f}", f"{stage.cpu_seconds:.2f}", f"{times:.2f}"
        )
    facts = [
        ("Recording", f"{bench.path}, {clock(bench.duration)}"),
        ("Total", f"{bench.times_decode:.2f} times decoding in CPU seconds, {bench.times_decode_wall:.2f} in seconds"),
        ("Start-up", f"{bench.start_up.cpu_seconds:.2f} CPU seconds once a process, not in the total"),
        ("Speed", f"{bench.speed:.2f} s of recording a second, on {bench.cores} cores"),
        ("Memory", f"{bench.peak_memory / (1 << 20):.0f} MiB at the peak"),
    ]
    note = "Decoding runs in a thread beside the rest, so seconds can add up to more than the total."
    return Group(table, Text(), _pairs(facts), Text(), Text(note, style="dim"))
