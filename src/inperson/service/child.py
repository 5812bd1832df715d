"""``python -m inperson.service.child``: one job, in a process that can be killed at any moment.

It supervises the one worker process that reads the recording (`inperson._isolated.supervisor`: limits, crashes, hangs).
The service writes one line of JSON to its standard input and reads one from its standard output. When standard input
ends, because the service was killed or wants this job no more, it ends at once, and the kernel ends the worker with it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import closing
from typing import Any

from inperson._isolated.handle import Limits
from inperson._isolated.supervisor import Isolated
from inperson.errors import InpersonError
from inperson.service.work import Work


def main() -> None:
    """Serve standard input."""
    told = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    answer = json.dumps(_outcome(told))
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()
    os._exit(0)  # the thread sits in a read that nothing ends


def _outcome(told: dict[str, Any]) -> dict[str, Any]:
    work = Work(told["analyse"], told["options"])
    try:
        with closing(Isolated(work, Limits(told["timeout"], told["memory"]))) as one:
            return one(told["path"], {}, lambda: False)
    except InpersonError as error:
        return {"error": {"type": type(error).__name__, "message": str(error)}}


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
