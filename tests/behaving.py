"""An analyser for tests of the service: it does what the recording, a line of text, says. Runs in worker processes."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from inperson.errors import MediaError
from inperson.report import Finding, Media, Report, Subject


def behave(path: str, options: dict[str, Any], told: Any) -> Report:
    """Take the place of `inperson.service.work.analyse`."""
    line = Path(path).read_text(errors="replace")
    word, _, rest = line.partition(" ")
    if word == "exit":
        os._exit(7)
    if word == "hang":
        told(3.0, 12.0)
        Path(tempfile.gettempdir(), "copy.mp4").write_text(f"{os.getpid()}")  # as a copy would lie there
        while True:
            time.sleep(1)
    if word == "refuse":
        raise MediaError(f"{path}: no audio or video stream")
    if word == "bug":
        raise ZeroDivisionError("a bug")
    if word == "slow":
        time.sleep(float(rest.split()[0]))
    turns = Path(options["turns"]).read_text() if "turns" in options else "no turns"
    return Report(
        version="0.1.0",
        media=Media(path=path, sha256="0" * 64, size_bytes=9, container="mp4", duration=1.0, codecs=()),
        candidate=Subject(track=None, speaker=None, how=f"{options.get('candidate')}; {turns}"),
        prior=options["prior"],
        excluded=tuple(tuple(span) for span in options.get("exclude") or ()),
        findings=(Finding(signal="lip_sync", status="abstained", reason=line[:200], model="lip_sync-0.2.0"),),
    )
