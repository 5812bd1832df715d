"""Batch results as one flat table in a Parquet file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from inperson._batch.results import Result, read
from inperson.errors import InputError

_GROUP = 1000  # rows held at once
_TEXT = ("status", "reason", "model")
_NUMBERS = ("confidence", "llr", "score", "quality", "p_value", "low", "high")
_ABOUT_TEXT = ("key", "sha256", "path", "id", "options", "error", "message", "version", "container", "warnings")


def to_parquet(results: str | Path, out: str | Path) -> int:
    """Write the rows of a results file as Parquet, replaced at once or not at all.

    One row a recording: what it is (``key``, ``sha256``, ``path``, ``paths``, ``id``, ``duration``, ...), ``error`` and
    ``message`` where there is no report, and for every signal ``<signal>_status``, ``_confidence``, ``_llr``,
    ``_low``, ``_high`` (the interval), ``_score``, ``_quality``, ``_p_value``, ``_reason``, ``_model``. ``report`` is
    the whole of it as JSON.

    Parameters
    ----------
    results, out : path

    Returns
    -------
    int
        Rows written; may be 0.

    Raises
    ------
    InputError
        pyarrow is not installed, `results` is no results file, or `out` cannot be written.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("Parquet needs pyarrow: pip install 'inperson[parquet]'") from None
    signals = sorted({finding.signal for row in read(results) if row.report for finding in row.report.findings})
    schema = _schema(pyarrow, signals)
    path = Path(os.path.realpath(out))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    count = 0
    try:
        with pyarrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer:
            for rows in _groups(read(results)):
                writer.write_table(pyarrow.Table.from_pylist([_flat(row) for row in rows], schema=schema))
                count += len(rows)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return count


def _groups(rows: Iterator[Result]) -> Iterator[list[Result]]:
    while group := list(islice(rows, _GROUP)):
        yield group


def _schema(pyarrow: Any, signals: list[str]) -> Any:
    text, number = pyarrow.string(), pyarrow.float64()
    fields = [(name, text) for name in _ABOUT_TEXT]
    fields += [("paths", pyarrow.list_(text)), ("duration", number), ("size_bytes", pyarrow.int64()), ("prior", number)]
    for signal in signals:
        fields += [(f"{signal}_{name}", text) for name in _TEXT] + [(f"{signal}_{name}", number) for name in _NUMBERS]
    return pyarrow.schema([*fields, ("report", text)])


def _flat(row: Result) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "key": row.key,
        "sha256": row.sha256,
        "path": row.paths[0],
        "paths": list(row.paths),
        "id": row.id or None,
        "options": json.dumps(row.options, sort_keys=True) if row.options else None,
    }
    if row.report is None:
        error = row.error or {}
        return {**flat, "error": error.get("type"), "message": error.get("message")}
    report = row.report
    flat |= {
        "version": report.version,
        "container": report.media.container,
        "warnings": "\n".join(report.warnings) or None,
        "duration": report.media.duration,
        "size_bytes": report.media.size_bytes,
        "prior": report.prior,
        "report": report.to_json(indent=None),
    }
    for finding in report.findings:
        low, high = finding.interval or (None, None)
        values = {"low": low, "high": high, **{name: getattr(finding, name) for name in (*_TEXT, *_NUMBERS[:5])}}
        flat |= {f"{finding.signal}_{name}": value for name, value in values.items()}
    return flat
