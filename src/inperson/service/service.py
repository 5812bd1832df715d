"""The parts of one service, opened together: database, audit log, keys, queue, metrics, folders."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from inperson import __version__, site
from inperson.audit import AuditLog
from inperson.errors import InputError
from inperson.service.database import Database
from inperson.service.jobs import Job, Jobs
from inperson.service.keys import Keys
from inperson.service.metrics import Metrics
from inperson.service.settings import Settings
from inperson.whisper import FasterWhisper

DATABASE = "service.db"
AUDIT = "audit.jsonl"


class Service:
    """An open service; one process at a time may hold a data folder.

    Raises
    ------
    InputError
        The folder cannot be used, another service has it, or the audit log, a calibration or the weights of ``asr`` are
        not as expected.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        make_folders(settings)
        self._lock = _locked(settings.data / "lock")
        try:
            self.calibrations = {name: site.read(path).sha256 for name, path in settings.calibrations.items()}
            self.asr = _recogniser(settings)
            self.secrets = read_secrets(settings.webhook_secret_file)
            self.database = Database(settings.data / DATABASE)
            self.audit = AuditLog(settings.data / AUDIT)
        except BaseException:
            os.close(self._lock)
            raise
        self.keys = Keys(self.database)
        self.jobs = Jobs(self.database)
        self.metrics = Metrics(self.jobs.counts, settings.data)
        self._tidy()

    def close(self) -> None:
        self.audit.close()
        self.database.close()
        os.close(self._lock)

    def folder(self, job: Job) -> Path:
        """Where a job's recording, turns and working files lie. Named by the job's random id alone."""
        return self.settings.recordings / job.id

    def started(self) -> None:
        """Note in the audit log what this service measures with."""
        from inperson import models

        shipped = {card.id: str(card.data.get("sha256", "")) for card in models.cards()}
        self.audit.append(
            "service.started",
            version=__version__,
            models=shipped,
            calibrations=self.calibrations,
            asr=None if self.asr is None else self.asr.name,
        )

    def drop_recording(self, job: Job) -> None:
        """Delete everything of a job that lies outside the database."""
        shutil.rmtree(self.folder(job), ignore_errors=True)

    def release(self, job: Job) -> None:
        """Delete the recording of a job that has ended, and say so."""
        self.audit.append("recording.deleted", job=job.id, owner=job.owner, sha256=job.sha256, why="retention")
        self.drop_recording(job)
        self.jobs.dropped(job)

    def delete(self, job: Job, why: str, key: str | None) -> bool:
        """Delete a job whole: noted first, then gone. False if it was gone already."""
        self.audit.append("job.deleted", job=job.id, key=key, owner=job.owner, sha256=job.sha256, why=why)
        gone = self.jobs.delete(job)
        self.drop_recording(job)
        self.metrics.deleted.labels(why).inc()
        return gone

    def _tidy(self) -> None:
        """Remove what a kill left half done: uploads that were not whole, folders without a job."""
        for path in self.settings.incoming.iterdir():
            path.unlink(missing_ok=True)
        known = self.jobs.ids()
        for path in self.settings.recordings.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)


def make_folders(settings: Settings) -> None:
    """Make the data folder, for its owner alone.

    Raises
    ------
    InputError
        It cannot be made.
    """
    try:
        for folder in (settings.data, settings.recordings, settings.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot use the data folder {settings.data}: {error.strerror}") from None


def read_secrets(path: Path | None) -> tuple[bytes, ...]:
    """Webhook secrets, one a line; with two, calls carry two signatures, so that a secret can be replaced.

    Raises
    ------
    InputError
        The file cannot be read, is empty, or holds a secret of fewer than 32 characters.
    """
    if path is None:
        return ()
    try:
        found = tuple(line.strip() for line in path.read_bytes().splitlines() if line.strip())
    except OSError as error:
        raise InputError(f"cannot read the webhook secrets {path}: {error.strerror}") from None
    if not found or any(len(secret) < 32 for secret in found):
        raise InputError(f"{path} must hold one secret a line of at least 32 characters: openssl rand -hex 32")
    return found


def _recogniser(settings: Settings) -> FasterWhisper | None:
    """What every job's words are recognised with; what is wrong with it is told at the start."""
    if settings.asr is None:
        return None
    found = FasterWhisper(settings.asr, settings.asr_language)
    found.prepare()
    return found


def _locked(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise InputError(f"another service is using {path.parent}; one process at a time may") from None
    return file
