"""From a report to its page."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import mimetypes
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inperson.errors import InputError
from inperson.page import lanes, numbers, words
from inperson.report import Finding, Report

if TYPE_CHECKING:
    from jinja2 import Environment

    from inperson.page.pictures import Picture

STRONGEST = 3
"""Moments of a signal shown at once; the others are folded in."""
SCRIPTS = ("player.js", "review.js")
EMBEDDED = 64 << 20
"""Bytes of the largest recording put into a page. Own choice: browsers hold it in memory, a third larger."""
PRIORS = (0.01, 0.1, 0.5)
"""Priors at which each likelihood ratio is also given. Own choice: one in a hundred, one in ten, evens."""


def page(
    report: Report,
    *,
    media: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    copy: str | os.PathLike[str] | None = None,
    embed: bool = False,
    pictures: bool = True,
    seconds: float | None = None,
) -> str:
    """The report as one self-contained HTML page.

    Parameters
    ----------
    report : Report
    media : path, optional
        The recording: the page plays it by a link relative to `out`, and small pictures are made from it. Without it
        the page holds neither, and the reviewer can choose the file in the page.
    out : path, optional
        Where the page will lie; decides the link. The current folder by default.
    copy : path, optional
        A copy that browsers play (`inperson.page.folder.viewing_copy`), to play instead of `media`; the page says so.
    embed : bool
        Put the recording, or its copy, into the page itself instead of a link.
    pictures : bool
        Put small pictures of the strongest moments into the page (faces and spectra of this recording).
    seconds : float, optional
        Time that the pictures may take; `inperson.page.pictures.SECONDS` by default.

    Returns
    -------
    str
        HTML. A report without findings, evidence or timeline gives a page that says so.

    Raises
    ------
    MediaError
        `media` cannot be read as a recording.
    InputError
        `media` is another file than the report's, or too large to be embedded.
    """
    from inperson.page.pictures import drawn

    made = drawn(report, media, seconds=seconds) if media is not None and pictures else {}
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            **_view(report, made),
            link=embedded(copy or media) if embed else _link(copy or media, out),
            copied=copy is not None,
            **policed(*SCRIPTS),
        )
    )


def policy() -> str:
    """The ``Content-Security-Policy`` of every page, for a server that sends pages with headers of its own."""
    return str(policed(*SCRIPTS)["policy"])


@functools.cache
def environment() -> Environment:
    """Jinja2 with autoescape and without anything that a template of ours does not need."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("inperson.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "clock": numbers.clock,
        "amount": lambda one: numbers.amount(one.value, one.unit),
        "plain": shown,
        "signed": numbers.signed,
    }
    made.filters |= filters
    return made


def shown(text: str) -> str:
    """Text without characters that would hide, reorder or break what is beside them."""
    from inperson.render import plain

    return plain(text.replace("\n", " "))


def policed(*scripts: str) -> dict[str, Any]:
    """Style and script of a page, and the policy that lets them alone act. Several scripts become one function."""
    from markupsafe import Markup

    style = _file("page.css")
    script = '"use strict";\n(() => {\n' + "".join(map(_file, scripts)) + "})();\n"
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "media-src 'self' file: blob: data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    return {"policy": policy, "style": Markup(style), "script": Markup(script)}  # our own files


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def _file(name: str) -> str:
    return importlib.resources.files("inperson.page").joinpath("templates", name).read_text(encoding="utf-8")


def _link(media: str | os.PathLike[str] | None, out: str | os.PathLike[str] | None) -> str | None:
    """The recording as a URL relative to the page; its name is only ever a path, whatever it looks like."""
    if media is None:
        return None
    folder = os.path.dirname(os.path.realpath(out)) if out is not None else os.getcwd()
    return "./" + quote(os.fsencode(os.path.relpath(os.path.realpath(media), folder)), safe="/")


def embedded(media: str | os.PathLike[str] | None) -> str | None:
    """The recording as a ``data:`` URL.

    Raises
    ------
    InputError
        It is larger than `EMBEDDED`, or cannot be read.
    """
    if media is None:
        return None
    try:
        size = os.stat(media).st_size
        if size > EMBEDDED:
            raise InputError(
                f"{os.fspath(media)} has {size >> 20} MiB, a page holds {EMBEDDED >> 20} at most; leave out --embed "
                "and give the recording along with the page"
            )
        content = Path(media).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(media)}: {error.strerror}") from None
    kind = mimetypes.guess_type(os.fspath(media))[0] or ""
    kind = kind if kind.startswith(("video/", "audio/")) else "video/mp4"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _view(report: Report, pictures: Mapping[tuple[int, int], Sequence[Picture]]) -> dict[str, Any]:
    duration = report.media.duration
    order = sorted(range(len(report.findings)), key=lambda i: _rank(report.findings[i]))
    seen = report.media.video is not None
    return {
        "report": report,
        "name": Path(report.media.path).name or report.media.path or "unnamed",
        "duration": duration,
        "has_picture": seen,
        "findings": [_finding(report, i, pictures) for i in order],
        "ticks": lanes.ticks(duration),
        "people": [*lanes.people(report), *lanes.faces(report)],
        "breaks": lanes.breaks(report),
        "excluded": lanes.excluded(report),
        "words": words,
        "numbers": numbers,
        "pictured": bool(pictures),
    }


def _rank(finding: Finding) -> tuple[int, float]:
    return words.ORDER.index(finding.status), -(finding.llr or 0.0)


def _finding(report: Report, index: int, pictures: Mapping[tuple[int, int], Sequence[Picture]]) -> dict[str, Any]:
    finding = report.findings[index]
    told = words.of(finding.signal)
    best = lanes.strongest(finding, STRONGEST)
    resting = [i for i, moment in enumerate(finding.evidence) if not moment.kind]
    return {
        "index": index,
        "finding": finding,
        "told": told,
        "lane": lanes.signal(finding, index, told.title, report.media.duration),
        "moments": [_moment(report, index, i, f"{told.letter}{i + 1}", pictures) for i in range(len(finding.evidence))],
        "best": best,
        "rest": [i for i in resting if i not in best],
        "places": [i for i, moment in enumerate(finding.evidence) if moment.kind],
        "scale": _scale(finding, report.prior),
        "onsets": _onsets(finding),
        "priors": [] if finding.llr is None else [(p, numbers.at_prior(finding.llr, p)) for p in PRIORS],
        "strongest": best[0] if best else None,
    }


def _moment(
    report: Report, index: int, i: int, label: str, pictures: Mapping[tuple[int, int], Sequence[Picture]]
) -> dict[str, Any]:
    moment = report.findings[index].evidence[i]
    x, width = lanes.place(moment, report.media.duration)
    line = report.timeline
    said = [
        turn
        for turn in (line.turns if line else ())
        if turn.text and turn.start < moment.end and turn.end > moment.start
    ]
    return {
        "id": f"m-{index}-{i}",
        "key": f"{report.findings[index].signal}@{moment.start:.3f}-{moment.end:.3f}",
        "label": label,
        "moment": moment,
        "x": x,
        "width": width,
        "whole": moment.end - moment.start > 0.8 * report.media.duration,
        "kind": words.KINDS.get(moment.kind, ("?", moment.kind)) if moment.kind else None,
        "said": said[:4],
        "pictures": pictures.get((index, i), ()),
    }


def _scale(finding: Finding, prior: float) -> dict[str, Any] | None:
    if finding.confidence is None or finding.interval is None:
        return None
    low, high = finding.interval
    return {
        "low": numbers.percent(low, 1),
        "width": numbers.percent(high - low, 1),
        "high": numbers.percent(high, 1),
        "at": numbers.percent(finding.confidence, 1),
        "prior": numbers.percent(prior, 1),
        "says": f"confidence {finding.confidence:.2f}, 95 % interval {low:.2f} to {high:.2f}, on a scale from 0 to 1 "
        f"with the prior at {prior:g}",
    }


def _onsets(finding: Finding) -> dict[str, Any] | None:
    """Where answers begin, against the person's own short exchanges: rows of dots, as deviations from these.

    Seconds after the question are not shown: a bare latency sways whoever sees it (docs/responsible_use.md). They are
    among the measurements, which are folded in.
    """
    curve = finding.curve
    if curve is None or not any(point.kind for point in curve.points):
        return None
    values = [point.value for point in curve.points]
    usual = statistics.median(values) if curve.reference is None else curve.reference
    rows = [
        (name, [point for point in curve.points if point.kind == kind])
        for kind, name in (("short", "short exchanges"), ("answer", "answers"))
    ]
    low, high = min(0.0, min(values) - usual) - 0.2, max(1.0, max(values) - usual) + 0.2
    step = max(1, int(high - low) // 6)
    marks = [mark for mark in range(-60, 61, step) if mark == 0 or low <= mark <= high]

    def at(value: float) -> str:
        return numbers.percent(value - low, high - low)

    def told(value: float) -> str:
        return f"begins {abs(value):.1f} s {'later' if value >= 0 else 'earlier'} than usual"

    return {
        "rows": [
            (name, [(at(p.value - usual), p.start, told(p.value - usual)) for p in points]) for name, points in rows
        ],
        "reference": at(0.0),
        "marks": [(at(mark), f"{mark:+d} s" if mark else "usual") for mark in marks],
    }
