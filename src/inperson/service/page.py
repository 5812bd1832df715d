"""The report as a page for people: the one place to change when there is a better form of it."""

from __future__ import annotations

from inperson.report import Report

POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def page(report: Report) -> tuple[bytes, str, str]:
    """The report for a reviewer.

    Made from the report alone: the recording is hostile input, and this process does not read it.

    Returns
    -------
    bytes, str, str
        Content, media type, and the ``Content-Security-Policy`` that it needs. Today the table of ``inperson check`` as
        plain text, in which every text from the recording is made harmless.
    """
    from inperson.render import text

    return text(report, width=100).encode(), "text/plain; charset=utf-8", POLICY
