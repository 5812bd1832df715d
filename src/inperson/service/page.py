"""The report as a page for people."""

from __future__ import annotations

from inperson.page import page as written
from inperson.page import policy
from inperson.report import Report


def page(report: Report) -> tuple[bytes, str, str]:
    """The reviewer's page, without the recording and without pictures of it.

    Pictures would mean decoding a stranger's recording in the service's own process; whoever may have the recording
    opens it in the page.

    Returns
    -------
    bytes, str, str
        Content, media type, and the ``Content-Security-Policy`` that it needs.
    """
    return written(report).encode(), "text/html; charset=utf-8", f"{policy()}; frame-ancestors 'none'"
