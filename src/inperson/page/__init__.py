"""The page a reviewer opens: one HTML file that shows a report beside its recording.

The page opens from disk, loads nothing but the recording it stands beside, and runs no script but its own: a strict
Content-Security-Policy names the hashes of what it holds. Everything that came from a recording, its name, its labels
or its transcript is text in it (Jinja2 with autoescape; the script only ever sets text).
"""

from __future__ import annotations

from inperson.page.build import page, policy
from inperson.page.index import index
from inperson.page.markdown import markdown

__all__ = ["index", "markdown", "page", "policy"]
