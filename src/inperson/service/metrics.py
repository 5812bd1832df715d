"""What Prometheus sees: counts, durations and sizes; no label that a caller can choose."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300)
_JOB_SECONDS = (1, 5, 15, 60, 180, 600, 1800, 7200)


class Metrics:
    """The counters of one service, in a registry of their own.

    Parameters
    ----------
    counts : callable
        Jobs by state.
    folder : Path
        Whose disk is looked at.
    """

    def __init__(self, counts: Callable[[], dict[str, int]], folder: Path) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Now(counts, folder))
        labels = ["method", "route", "status"]
        self.requests = Counter("inperson_requests", "Requests answered", labels, registry=self.registry)
        self.request_seconds = Histogram(
            "inperson_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.refused = Counter("inperson_refused", "Requests refused", ["why"], registry=self.registry)
        self.received = Counter("inperson_received_bytes", "Recordings taken in", ["how"], registry=self.registry)
        self.ended = Counter("inperson_jobs_ended", "Jobs ended", ["state", "error"], registry=self.registry)
        self.job_seconds = Histogram(
            "inperson_job_seconds", "Time of one analysis", buckets=_JOB_SECONDS, registry=self.registry
        )
        self.recording_seconds = Counter("inperson_recording_seconds", "Recording analysed", registry=self.registry)
        self.webhooks = Counter("inperson_webhook_calls", "Webhook calls", ["outcome"], registry=self.registry)
        self.deleted = Counter("inperson_jobs_deleted", "Jobs deleted", ["why"], registry=self.registry)
        self.uploads = Gauge("inperson_uploads", "Uploads being received", registry=self.registry)

    def text(self) -> bytes:
        """All of it in the text format."""
        return generate_latest(self.registry)


class _Now(Collector):
    def __init__(self, counts: Callable[[], dict[str, int]], folder: Path) -> None:
        self._counts, self._folder = counts, folder

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("inperson_jobs", "Jobs held", labels=["state"])
        for state, count in self._counts().items():
            jobs.add_metric([state], count)
        yield jobs
        yield GaugeMetricFamily("inperson_disk_free_bytes", "Free space", shutil.disk_usage(self._folder).free)

    def describe(self) -> Iterator[Metric]:
        return iter(())
