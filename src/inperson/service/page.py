"""The report as a page for people: the one place to change when there is a better form of it."""

from __future__ import annotations

from pathlib import Path

from inperson.report import Report

POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def page(report: Report, recording: Path | None) -> tuple[bytes, str, str]:
    """The report for a reviewer.

    Parameters
    ----------
    report : Report
    recording : Path or None
        The recording, while the service still holds it (setting ``recording_days``).

    Returns
    -------
    bytes, str, str
        Content, media type, and the ``Content-Security-Policy`` that it needs. Today the table of ``inperson check`` as
        plain text, in which every text from the recording is made harmless.
    """
    from inperson.render import text

    del recording
    return text(report, width=100).encode(), "text/plain; charset=utf-8", POLICY
