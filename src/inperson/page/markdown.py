"""The report as Markdown, for tickets.

Whatever may come from a recording is escaped or put into a code span, so that no name, label or word of it becomes a
link, an image, a heading, a mention or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inperson.page import lanes, numbers, words
from inperson.render import CLOSING, plain
from inperson.report import Finding, Moment, Report

MOMENTS = 8
"""Most moments of a signal; the rest is in the JSON, as in the terminal's view."""
_ACTING = re.compile(r"[\\`*_{}\[\]<>#|~!&$]")


def markdown(report: Report) -> str:
    """The content of the page as CommonMark with one table, ending in a line break.

    A report without findings gives the heading and the closing note.
    """
    return "\n".join([*_heading(report), *_table(report), *_signals(report), f"_{CLOSING}_", ""])


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line: markup, links and mentions in it do not act."""
    shown = _ACTING.sub(lambda found: "\\" + found[0], plain(text.replace("\n", " ")))
    shown = shown.replace("://", ":\\/\\/").replace("@", "`@`")
    return re.sub(r"(?i)\bwww\.", lambda found: found[0][:-1] + "\\.", shown)


def code(text: str) -> str:
    """Text as a code span, whatever backticks it holds, safe in a table's cell."""
    shown = plain(text.replace("\n", " ")) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    room = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{room}{shown}{room}{fence}".replace("|", "\\|")


def _heading(report: Report) -> Iterator[str]:
    media, who = report.media, report.candidate
    yield f"# What was measured in {code(media.path)}"
    yield ""
    facts = [numbers.clock(media.duration), *map(escaped, media.codecs)]
    yield f"- {', '.join(facts)}; SHA-256 {code(media.sha256)}"
    face = "no face chosen" if who.track is None else f"face {who.track}"
    voice = "no voice chosen" if who.speaker is None else f"speaker {code(who.speaker)}"
    yield f"- Candidate: {face}, {voice}. {escaped(who.how)}"
    yield f"- Prior {report.prior:g} (stated, not estimated); inperson {escaped(report.version)}"
    if report.site is not None:
        yield f"- Compared with {report.site.recordings} genuine recordings of {code(report.site.label)}"
    if report.excluded:
        spans = (f"{numbers.clock(start)} to {numbers.clock(end)}" for start, end in report.excluded)
        yield f"- Left out of the analysis on request: {', '.join(spans)}"
    yield from (f"- Note on the file: {escaped(warning)}" for warning in report.warnings)
    yield ""


def _table(report: Report) -> Iterator[str]:
    if not report.findings:
        return
    yield "| signal | status | confidence | 95 % interval | LLR | quality |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in report.findings:
        cells = [escaped(words.of(one.signal).title), words.STATUS[one.status]]
        cells.append("" if one.confidence is None else f"{one.confidence:.2f}")
        cells.append("" if one.interval is None else "{:.2f} to {:.2f}".format(*one.interval))
        cells.append("" if one.llr is None else f"{one.llr:+.2f}")
        cells.append("" if one.quality is None else f"{one.quality:.2f}")
        yield f"| {' | '.join(cells)} |"
    yield ""


def _signals(report: Report) -> Iterator[str]:
    for one in report.findings:
        told = words.of(one.signal)
        yield f"## {escaped(told.title)} ({code(one.signal)})"
        yield ""
        if one.reason:
            yield f"{words.STATUS[one.status].capitalize()}: {escaped(one.reason)}"
            yield ""
        if one.llr is not None:
            yield f"{numbers.odds(one.llr)}{_here(one)}"
            yield ""
        best = set(lanes.strongest(one, MOMENTS))
        shown = [moment for i, moment in enumerate(one.evidence) if i in best or moment.kind]
        yield from map(_moment, shown)
        yield from [""] * bool(shown)
        yield from _listed("What else would explain it", one.alternatives)
        yield from _listed("What would make it surer", told.surer)


def _here(one: Finding) -> str:
    if one.p_value is None:
        return ""
    return f" At most {numbers.of_hundred(one.p_value)} genuine recordings here score as high."


def _moment(moment: Moment) -> str:
    place = f" (to look at: {escaped(words.KINDS.get(moment.kind, ('', moment.kind))[1])})" if moment.kind else ""
    speaker = f", {code(moment.speaker)}" if moment.speaker else ""
    span = f"{numbers.clock(moment.start)} to {numbers.clock(moment.end)}"
    return f"- **{span}**{speaker}{place}: {escaped(moment.note)}"


def _listed(title: str, items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield f"{title}:"
        yield ""
        yield from (f"- {escaped(item)}" for item in items)
        yield ""
