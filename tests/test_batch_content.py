"""Rows are of contents: once each, noticed when they change, added to when asked for more, read back simply."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import clips
import pyarrow.parquet
import pytest
from test_batch import lines, recordings, run, tried

from inperson import Analyzer, batch
from inperson.batch import Recording
from inperson.errors import InputError


def rows(out: Path) -> dict[str, batch.Result]:
    found = list(batch.read(out))
    assert len({row.key for row in found}) == len(found)
    return {name: row for row in found for name in row.paths}


def test_a_content_is_analysed_once_under_however_many_names(tmp_path: Path) -> None:
    paths = recordings(tmp_path, "fine", "fine", "fine", "exit")
    for copy, original in (("b.mp4", 0), ("c.mp4", 0), ("d.mp4", 3)):
        (tmp_path / copy).write_bytes(Path(paths[original]).read_bytes())
    copies = [str(tmp_path / name) for name in ("b.mp4", "c.mp4", "d.mp4")]
    out = tmp_path / "results.jsonl"
    tally = run([*paths, *copies], out, workers=2)
    assert (tally.analysed, tally.same, tally.errors) == (3, 3, {"Crash": 1})
    assert sum(tried(tmp_path).values()) == 4
    found = list(batch.read(out))
    assert sorted(len(row.paths) for row in found) == [1, 1, 2, 3]
    assert run([*paths, *copies], out) == batch.Tally(total=7, skipped=7)


def test_a_file_that_changed_under_its_name_is_analysed_again_and_its_old_row_goes(tmp_path: Path) -> None:
    paths = recordings(tmp_path, "fine", "fine")
    out = tmp_path / "results.jsonl"
    run(paths, out, workers=1)
    before = rows(out)
    Path(paths[0]).write_text("fine and changed")
    os.utime(paths[1], (1, 1))  # touched, and the same
    tally = run(paths, out, workers=1)
    assert (tally.analysed, tally.same, tally.skipped) == (1, 1, 0)
    after = rows(out)
    assert after[paths[0]].key != before[paths[0]].key
    assert after[paths[1]] == before[paths[1]]
    assert len(list(batch.read(out))) == 2
    assert run(paths, out) == batch.Tally(total=2, skipped=2)


def test_a_recording_that_was_missing_gets_its_row_when_it_comes(tmp_path: Path) -> None:
    path = str(tmp_path / "late.mp4")
    out = tmp_path / "results.jsonl"
    assert run([path], out).errors == {"MediaError": 1}
    assert run([path], out) == batch.Tally(total=1, skipped=1)
    Path(path).write_text("fine")
    assert run([path], out, workers=1).analysed == 1
    (row,) = batch.read(out)
    assert row.error is None
    assert row.paths == (path,)
    assert len(lines(out)) == 1


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.write(tmp_path_factory.mktemp("voice") / "a.wav", None, clips.tone(3.0))


def test_other_signals_are_added_to_the_rows_that_are_there(voice: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    for signals, analysed in (
        (("synthetic_voice",), 1),
        (("response_latency",), 1),
        (("synthetic_voice", "response_latency"), 0),
    ):
        tally = batch.run([voice], out, analyze=Analyzer(signals=signals), workers=1)
        assert tally.analysed == analysed
    (row,) = batch.read(out)
    whole = Analyzer(signals=("synthetic_voice", "response_latency"))(voice)
    assert row.report == whole
    assert len(lines(out)) == 1


def test_results_of_other_options_are_not_mixed(voice: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    batch.run([voice], out, analyze=Analyzer(signals=("response_latency",)), workers=1)
    before = out.read_bytes()
    with pytest.raises(InputError, match=r"made with other options: prior 0.5, not 0.1\. Give --out another file"):
        batch.run([voice], out, analyze=Analyzer(signals=("response_latency",), prior=0.1), workers=1)
    assert out.read_bytes() == before


def test_a_recordings_own_options_make_a_row_of_their_own(voice: Path, tmp_path: Path) -> None:
    turns = tmp_path / "turns.rttm"
    turns.write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> Ann <NA> <NA>\nSPEAKER a 1 1.5 1.0 <NA> <NA> Bo <NA> <NA>\n")
    table = tmp_path / "calls.csv"
    table.write_text(
        f"path,turns,candidate,id\n{voice},turns.rttm,Bo,req-1\n{voice},turns.rttm,Ann,req-2\n{voice},,,\n"
    )
    out = tmp_path / "results.jsonl"
    analyzer = Analyzer(signals=("response_latency",))
    assert batch.run(batch.manifest(table), out, analyze=analyzer, workers=1).analysed == 3
    found = {row.id: row for row in batch.read(out)}
    assert {name: row.report.candidate.speaker for name, row in found.items() if row.report} == {
        "req-1": "Bo",
        "req-2": "Ann",
        "": None,
    }
    assert batch.run(batch.manifest(table), out, analyze=analyzer, workers=1) == batch.Tally(total=3, skipped=3)
    turns.write_text(turns.read_text().replace("1.5", "1.6"))
    assert batch.run(batch.manifest(table), out, analyze=analyzer, workers=1).analysed == 2


def test_a_manifest_may_be_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"path": "a.mp4", "audio_track": 1, "id": 7}\n\n{"path": "s3://calls/b.mp4", "candidate": null}\n')
    assert batch.manifest(path) == [
        Recording(str(tmp_path / "a.mp4"), {"audio_track": 1}, "7"),
        Recording("s3://calls/b.mp4"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "file\nx\n", "line 1: expected the columns path"),
        ("a.csv", "path,candidat\nx,y\n", "line 1: expected columns of path, turns.*found candidat"),
        ("a.csv", "path\n", "names no recording"),
        ("a.csv", "path,turns\nx,gone.vtt\n", "line 2: the turns file gone.vtt is missing"),
        ("a.csv", "path,audio_track\nx,-1\n", "line 2: expected an audio_track counted from 0"),
        ("a.csv", "path,id\n,x\n", "line 2: the path is empty"),
        ("a.jsonl", '{"path": "a"}\n{', "line 2: no readable JSON"),
        ("a.jsonl", '{"path": ["a"]}', "line 1: expected an object of texts"),
    ],
)
def test_a_manifest_that_is_not_as_expected(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=says):
        batch.manifest(tmp_path / name)


def test_results_become_a_table_with_a_row_a_content(tmp_path: Path) -> None:
    paths = recordings(tmp_path, "fine", "exit", "fine")
    (tmp_path / "copy.mp4").write_bytes(Path(paths[0]).read_bytes())
    out = tmp_path / "results.jsonl"
    run([*paths, str(tmp_path / "copy.mp4")], out, workers=1)
    assert batch.to_parquet(out, tmp_path / "results.parquet") == 3
    table = {row["path"]: row for row in pyarrow.parquet.read_table(tmp_path / "results.parquet").to_pylist()}
    assert set(table) == set(paths)
    assert table[paths[0]]["paths"] == [paths[0], str(tmp_path / "copy.mp4")]
    assert (table[paths[0]]["lip_sync_status"], table[paths[0]]["duration"]) == ("abstained", 1.0)
    assert (table[paths[1]]["error"], table[paths[1]]["report"]) == ("Crash", None)
    assert json.loads(table[paths[2]]["report"])["media"]["path"] == paths[2]
    assert {path.name for path in tmp_path.glob("*.part")} == set()


def test_a_file_that_changes_while_it_is_analysed_gives_no_report(tmp_path: Path) -> None:
    paths = recordings(tmp_path, "rewrite")
    out = tmp_path / "results.jsonl"
    tally = run(paths, out, analyze=rewrites, workers=1)
    assert tally.errors == {"MediaError": 1}
    assert "changed while it was analysed" in lines(out)[0]["error"]["message"]


def rewrites(path: str) -> Any:
    from test_batch import behave

    Path(path).write_text("fine, and longer than it was")
    return behave(path)
