"""Analyse recordings on Celery workers: ``pip install inperson celery`` and a broker that your workers can reach.

    export CELERY_BROKER_URL=redis://localhost CELERY_RESULT_BACKEND=redis://localhost
    celery --app celery_tasks worker --concurrency 2 --prefetch-multiplier 1
    python celery_tasks.py /recordings/interview.mp4

Celery's workers fork; the models are loaded on the first task of each. A task that a lost worker had is given to
another one (``acks_late``), so it may run twice: key what you store by the report's SHA-256. Hostile recordings deserve
a process each: `inperson.batch` and `inperson serve` isolate them, a Celery worker alone does not.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded

import inperson

app = Celery("inperson-example", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_RESULT_BACKEND"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=100,
    task_serializer="json",
    accept_content=["json"],
    result_expires=86_400,
    **(
        {"broker_transport_options": {"control_folder": folder, "data_folder_in": folder, "data_folder_out": folder}}
        if (folder := os.environ.get("CELERY_FILESYSTEM_FOLDER"))
        else {}
    ),
)


@app.task(name="inperson.analyze", bind=True, soft_time_limit=7200, time_limit=7300)
def analyze(self: Task, path: str, options: dict[str, Any]) -> dict[str, Any]:
    """The report, or why there is none; expected errors are results, so that Celery does not try them again."""

    def progress(read: float, duration: float | None) -> None:
        self.update_state(state="PROGRESS", meta={"read": read, "duration": duration})

    try:
        return {"report": inperson.analyze(path, **options, progress=progress).model_dump(mode="json", by_alias=True)}
    except inperson.InpersonError as error:
        return {"error": {"type": type(error).__name__, "message": str(error)}}
    except SoftTimeLimitExceeded:
        return {"error": {"type": "Timeout", "message": "the soft time limit passed"}}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        found = analyze.delay(name, {"signals": ["synthetic_voice"]}).get(timeout=7300)
        print(name, found["report"]["findings"][0]["status"] if "report" in found else found["error"]["type"])
