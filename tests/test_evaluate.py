"""Evaluations: manifests that say what is wrong with them, figures known by hand, trivia that give the label away."""

from __future__ import annotations

import json
import math
import random
import wave
from pathlib import Path

import numpy as np
import pytest

from inperson.detectors.synthetic_voice import SyntheticVoice
from inperson.errors import InpersonError, InputError
from inperson.evaluation import fingerprint, manifest, run
from inperson.evaluation.figures import summarise
from inperson.evaluation.leak import leak
from inperson.evaluation.markdown import safe
from inperson.evaluation.rows import Row
from inperson.evaluation.trivia import measure
from inperson.report import Finding, Media, Report, Subject

SIGNAL, MODEL = SyntheticVoice.signal, SyntheticVoice.model


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_manifest_is_read_as_it_says(tmp_path):
    text = (
        "\ufeffpath, signal,label,person,turns,candidate,audio_track,kind\r\n"
        '"a, b.flac",reading,Spoof,p1,a.rttm,left,1,tts\r\n'
        "\r\n"
        "/abs/c.flac,lip_sync,0,,,,,\r\n"
    )
    found = manifest.read(written(tmp_path, text))
    first, second = found.entries
    assert found.columns == ("kind",)
    assert (first.line, first.path, first.file, first.label) == (2, "a, b.flac", tmp_path / "a, b.flac", 1)
    assert (first.person, first.turns, first.candidate, first.audio_track) == ("p1", tmp_path / "a.rttm", "left", 1)
    assert (second.line, second.file, second.label, second.columns) == (4, Path("/abs/c.flac"), 0, {"kind": ""})
    assert (second.turns, second.candidate, second.audio_track) == (None, None, None)


HEAD = "path,signal,label\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (HEAD, "no row below its header"),
        ("path,label\na,0\n", r"line 1: expected the columns path, signal, label; signal missing"),
        ("path,signal,label,x,x\n", "line 1: .*'x' twice"),
        ("path,signal,label,\n", "line 1: .*empty"),
        (HEAD + "a,reading\n", "line 2: expected 3 cells .* found 2"),
        (HEAD + "a,reading,0\n\nb,reading,real\n", "line 4: expected a label .* found 'real'"),
        (HEAD + ",reading,0\n", "line 2: the path is empty"),
        (HEAD + "a,,0\n", "line 2: the signal is empty"),
        (HEAD + 'a,reading,"0\nb,reading,1\n', "line 2: no readable CSV"),
        (HEAD + '"a\nb",reading,0\n', "line 2: a cell holds a line end"),
        (HEAD + "a,reading,0\nb\0,reading,0\n", "line 3: "),
        (HEAD + "a" * 5000 + ",reading,0\n", "line 2: a cell of 5000 characters"),
        (HEAD.encode() + b"a\xff,reading,0\n", "line 2: expected UTF-8"),
        ("path,signal,label,audio_track\na,reading,0,-1\n", "line 2: expected an audio_track"),
        (HEAD + "a,reading,0\n./a,reading,1\n", "line 3: './a' for reading stands in line 2 already, .* other label"),
        (HEAD + "a,reading,0\na,reading,0\n", "line 3: .* again"),
    ],
)
def test_a_malformed_manifest_is_one_error_with_its_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        manifest.read(written(tmp_path, text))


def test_all_missing_files_are_named_before_anything_is_run(tmp_path):
    (tmp_path / "there.flac").write_bytes(b"x")
    rows = f"there.flac,{SIGNAL},0\ngone.flac,{SIGNAL},0\nlost.flac,{SIGNAL},1\n"
    path = written(tmp_path, HEAD + rows + "x" * 300 + f",{SIGNAL},1\n")
    with pytest.raises(InputError, match=r"3 files of .* .*gone.flac \(line 3\).*lost.flac \(line 4\).*xxx \(line 5\)"):
        run.evaluate(path, tmp_path / "out")
    with pytest.raises(InputError, match=r"line 2: expected a signal of .*found 'lies'"):
        run.evaluate(written(tmp_path, HEAD + "there.flac,lies,0\n"), tmp_path / "out")


def test_impossible_options(tmp_path):
    path = written(tmp_path, HEAD + f"a,{SIGNAL},0\n")
    with pytest.raises(InputError, match=r"expected degradations of .*phone.*; found 'fax'"):
        run.evaluate(path, tmp_path / "out", degrade=("phone", "fax"))
    with pytest.raises(InputError, match="found 'clean'"):
        run.evaluate(path, tmp_path / "out", degrade=("clean",))
    with pytest.raises(InputError, match="nothing to evaluate"):
        run.evaluate(path, tmp_path / "out", clean=False)
    with pytest.raises(InputError, match="no row of split 'train'"):
        run.evaluate(path, tmp_path / "out", split="train")


def test_without_the_extra_there_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    with pytest.raises(InpersonError, match=r'matplotlib and scikit-learn; install with: pip install "inperson\[eval'):
        run.evaluate(tmp_path / "manifest.csv", tmp_path / "out")


# figures


def made(label: int, llr: float, person: str, **more: object) -> Row:
    known = {"score": 2 * llr, "llr": llr, "confidence": 1 / (1 + 10**-llr), "quality": 0.5 + llr / 10}
    return Row(path=f"{person}-{label}-{llr}", signal=SIGNAL, label=label, group=person, **{**known, **more})


BONAFIDE = (-0.8, -0.4, 0.1, 0.5)
SPOOF = (-0.2, 0.2, 0.4, 0.9)
"""Of the 16 pairs 12 are in order. At a threshold between 0.1 and 0.2, one of four is wrong in each class."""


def sample(**more: object) -> list[Row]:
    rows = [made(0, llr, f"b{i}", **more) for i, llr in enumerate(BONAFIDE)]
    return rows + [made(1, llr, f"s{i}", **more) for i, llr in enumerate(SPOOF)]


def clean(rows: list[Row], **options: object) -> dict:
    return summarise(rows, draws=20, **options)["signals"][SIGNAL]["conditions"]["clean"]


def test_figures_known_by_hand():
    found = clean(sample(p_value=0.5), nominal={SIGNAL: 1.0})
    value = {name: one["value"] for name, one in found["figures"].items()}
    assert value["auc"] == pytest.approx(12 / 16)
    assert value["eer"] == pytest.approx(0.25)
    assert value["detected_at_5_percent"] == pytest.approx(0.25)  # above every bona fide one: 0.9 alone
    assert value["cllr"] == pytest.approx(
        np.mean([math.log2(1 + 10**x) for x in BONAFIDE]) / 2 + np.mean([math.log2(1 + 10**-x) for x in SPOOF]) / 2
    )
    rules = {
        name: (one["false_alarms"]["value"], one["detections"]["value"]) for name, one in found["thresholds"].items()
    }
    assert rules == {
        "llr_above_0": (0.5, 0.75),
        "ratio_above_2": (0.25, 0.5),
        "nominal_5_percent": (0.0, 0.25),  # 0.5 lies at the threshold, not above it
        "p_value_at_most_5_percent": (0.0, 0.0),
    }
    assert found["quality"]["strata"][0]["bonafide"] + found["quality"]["strata"][0]["spoof"] in (2, 3)


def test_what_is_not_scored_is_counted_and_enters_no_figure():
    extra = [
        Row("x", SIGNAL, 0, "x", status="abstained", reason="At least 4 s are needed; 1.5 s were found."),
        Row("y", SIGNAL, 1, "y", status="abstained", reason="At least 4 s are needed; 2 s were found."),
        Row("z", SIGNAL, 1, "z", status="error", reason="Crash: gone"),
        Row(
            "v", SIGNAL, 0, "b0", status="inconclusive", score=9.0, llr=1.0, confidence=0.9, quality=1.0, reason="flips"
        ),
    ]
    found = clean(sample() + extra)
    assert found["figures"] == clean(sample())["figures"]
    bonafide, spoof = found["counts"]["bonafide"], found["counts"]["spoof"]
    assert bonafide == {
        "recordings": 6,
        "persons": 5,
        "persons_scored": 4,
        "scored": 4,
        "abstained": 1,
        "inconclusive": 1,
        "not_applicable": 0,
        "error": 0,
    }
    assert (spoof["recordings"], spoof["scored"], spoof["abstained"], spoof["error"]) == (6, 4, 1, 1)
    assert found["unscored"][0] == {
        "status": "abstained",
        "bonafide": 1,
        "spoof": 1,
        "reason": "At least N s are needed; N s were found.",
    }


def test_groups_show_what_is_defined_and_leave_the_rest_null():
    rows = sample()
    rows = [
        Row(**{**fields(row), "columns": {"kind": "real" if not row.label else f"k{i % 2}"}})
        for i, row in enumerate(rows)
    ]
    groups = clean(rows)["by"]["kind"]
    assert sorted(groups) == ["k0", "k1", "real"]
    assert groups["real"]["thresholds"]["ratio_above_2"]["false_alarms"]["value"] == 0.25
    assert groups["real"]["thresholds"]["ratio_above_2"]["detections"] is None
    assert groups["real"]["figures"]["auc"] is None
    assert groups["k0"]["against_all"]["auc"]["value"] == pytest.approx((2 + 3) / 8)  # -0.2 and 0.4
    assert groups["k1"]["against_all"]["auc"]["value"] == pytest.approx((3 + 4) / 8)  # 0.2 and 0.9


def fields(row: Row) -> dict:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


def test_within_counts_pairs_of_one_page_only():
    places = dict(zip([*BONAFIDE, *SPOOF], ["A", "A", "B", "C", "A", "B", "B", "D"], strict=True))
    rows = [Row(**{**fields(row), "columns": {"source": places[row.llr]}}) for row in sample()]
    inside = clean(rows)["within"]
    assert (inside["column"], inside["values"], inside["bonafide"], inside["spoof"]) == ("source", 2, 3, 3)
    assert inside["auc"]["value"] == 1.0  # -0.2 over -0.8 and -0.4; 0.2 and 0.4 over 0.1
    assert (inside["auc"]["low"], inside["auc"]["high"]) == (None, None)


def test_the_worst_errors_are_errors_with_their_evidence():
    moments = tuple(
        {"start": s, "end": s + 1, "score": s, "note": f"n{s}", "track": None} for s in (1.0, 3.0, 2.0, 0.0)
    )
    found = clean(sample(evidence=moments, columns={"accent": "x"}), by=("accent",))["worst"]
    assert [one["llr"] for one in found["bonafide"]] == [0.5, 0.1]
    assert [one["llr"] for one in found["spoof"]] == [-0.2]
    assert found["spoof"][0]["columns"] == {"accent": "x"}
    assert [one["note"] for one in found["spoof"][0]["evidence"]] == ["n3.0", "n2.0", "n1.0"]


def test_measurements_alone_are_not_turned_round():
    rows = [Row(**{**fields(row), "measurements": {"m": -row.score, "constant": 1.0}}) for row in sample()]
    (found,) = clean(rows)["baselines"]
    assert (found["measurement"], found["recordings"]) == ("m", 8)
    assert found["auc"]["value"] == pytest.approx(1 - 12 / 16)


# trivia


def with_trivia(count: int, duration: list[float]) -> list[Row]:
    return [
        Row(str(i), SIGNAL, i % 2, f"p{i // 2}", score=0.0, trivia={"duration": duration[i], "container": "wav"})
        for i in range(count)
    ]


def test_a_leak_is_found_and_chance_is_not():
    draw = random.Random(1)
    leaking = leak(with_trivia(60, [draw.gauss(3 * (i % 2), 1) for i in range(60)]), None, 50, 0)
    assert leaking["auc"]["value"] > 0.9
    assert leaking["told"].startswith("the files give the label away")
    assert leaking["features"][0]["feature"] == "duration"
    fair = leak(with_trivia(60, [draw.gauss(0, 1) for i in range(60)]), None, 50, 0)
    assert 0.25 < fair["auc"]["value"] < 0.7


def test_whole_pages_are_held_out():
    """Each page has a duration of its own and one label: across pages that says nothing."""
    draw = random.Random(3)
    pages = {page: draw.random() for page in range(40)}
    rows = [
        Row(
            f"{page}-{i}",
            SIGNAL,
            page % 2,
            f"{page}-{i}",
            score=0.0,
            columns={"source": str(page)},
            trivia={"duration": value},
        )
        for page, value in pages.items()
        for i in range(4)
    ]
    assert leak(rows, None, 20, 0)["auc"]["value"] > 0.9  # the same page on both sides gives itself away
    assert leak(rows, "source", 20, 0)["auc"]["value"] < 0.7


def test_too_few_groups_cannot_be_told():
    found = leak(with_trivia(8, [float(i) for i in range(8)]), None, 20, 0)
    assert found["auc"] is None
    assert found["told"].startswith("cannot be told")


def test_trivia_of_a_file_with_known_content(tmp_path):
    rate = 8000
    sound = np.zeros(3 * rate)
    at = np.arange(rate, dtype=float)
    sound[rate : 2 * rate] = 0.5 * np.sin(2 * np.pi * 1000 * at / rate + 0.1)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    found = measure(tmp_path / "a.wav")
    assert (found["sample_rate"], found["channels"], found["duration"]) == (rate, 1, 3.0)
    assert (found["audio_codec"], found["video_codec"], found["width"]) == ("pcm_s16le", None, None)
    assert found["level"] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2) / math.sqrt(3)), abs=0.01)
    assert found["peak"] == pytest.approx(20 * math.log10(0.5), abs=0.1)
    assert (found["zeros_start"], found["zeros_end"]) == (1.0, 1.0)
    assert (found["silence_start"], found["silence_end"]) == (
        pytest.approx(1.0, abs=0.011),
        pytest.approx(1.0, abs=0.011),
    )
    assert 1000 < found["band_edge"] < 1700
    assert found["bit_rate"] == pytest.approx(128000, rel=0.01)


# results of a batch


def batch_line(path: Path, llr: float | None, model: str = MODEL) -> str:
    if llr is None:
        finding = Finding(signal=SIGNAL, status="abstained", reason="too short", model=model)
    else:
        numbers = {"score": 2 * llr, "llr": llr, "confidence": 0.5, "interval": (0.1, 0.9), "quality": 0.5}
        finding = Finding(signal=SIGNAL, status="scored", model=model, **numbers)
    media = Media(path=str(path), sha256=path.name * 8, size_bytes=9, container="wav", duration=1.0, codecs=())
    subject = Subject(track=None, speaker=None, how="")
    report = Report(version="0", media=media, candidate=subject, prior=0.5, findings=(finding,))
    return report.to_json(indent=None)


def batch(folder: Path) -> tuple[Path, Path]:
    values = [*((f"b{i}", 0, x) for i, x in enumerate(BONAFIDE)), *((f"s{i}", 1, x) for i, x in enumerate(SPOOF))]
    rows = [f"{name},{SIGNAL},{label},{name},k|{label}" for name, label, _ in values]
    rows += [f"quiet,{SIGNAL},0,q,", f"lost,{SIGNAL},1,l,", f"bad,{SIGNAL},1,m,<script>alert(1)</script>"]
    lines = [batch_line(folder / name, llr) for name, _, llr in values] + [batch_line(folder / "quiet", None)]
    lines.append(json.dumps({"path": str(folder / "bad"), "error": {"type": "MediaError", "message": "no [x](y) `z`"}}))
    (folder / "batch.jsonl").write_text("\n".join(lines) + "\n")
    return written(folder, "path,signal,label,person,kind\n" + "\n".join(rows) + "\n"), folder / "batch.jsonl"


def test_a_batchs_results_are_evaluated_without_running_anything(tmp_path):
    path, results = batch(tmp_path)
    done = run.evaluate(path, tmp_path / "out", results=results, draws=20, prior=0.2)
    found = done.document["signals"][SIGNAL]["conditions"]["clean"]
    assert found["figures"]["auc"]["value"] == pytest.approx(0.75)
    assert found["counts"]["bonafide"]["abstained"] == 1
    assert found["counts"]["spoof"]["error"] == 2
    reasons = {one["reason"] for one in found["unscored"]}
    assert reasons == {
        "too short",
        "MediaError: no [x](y) `z`",
        "NoResult: the results hold no line for this recording",
    }
    assert done.rows[0].confidence == pytest.approx(0.2 * 10**-0.8 / (0.2 * 10**-0.8 + 0.8))
    assert done.document["manifest"]["rows"] == 11
    again = run.evaluate(path, tmp_path / "again", results=results, draws=20, prior=0.2)
    for name in ("evaluation.json", "report.md", "scores.csv", f"plots/{SIGNAL}-det.svg", f"plots/{SIGNAL}-scores.svg"):
        assert (again.out / name).read_bytes() == (done.out / name).read_bytes()


def test_names_take_no_effect_in_the_report(tmp_path):
    path, results = batch(tmp_path)
    text = (run.evaluate(path, tmp_path / "out", results=results, draws=20).out / "report.md").read_text()
    assert "<script" not in text.replace("\\<script", "")
    assert "k\\|0" in text
    assert "no \\[x\\](y) \\`z\\`" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    bars = [line.replace("\\|", "").count("|") for line in tables]
    heads = [bars[i] for i, line in enumerate(tables) if set(line) <= set("| -")]
    assert set(bars) == set(heads)
    assert safe("a\x1b[31m\u202eb") == "a\\\\x1b\\[31m\\\\u202eb"
    assert safe("www.x.org http://x.org a@b.c_d _e_ *f*") == ("www\\.x.org http\\://x.org a\\@b.c_d \\_e\\_ \\*f\\*")


def test_results_of_another_model_or_of_something_else_are_refused(tmp_path):
    path, results = batch(tmp_path)
    results.write_text(batch_line(tmp_path / "b0", 0.5, f"{SIGNAL}-9.9.9") + "\n")
    with pytest.raises(InputError, match=f"made with synthetic_voice-9.9.9, installed is {MODEL}"):
        run.evaluate(path, tmp_path / "out", results=results)
    results.write_text('{"a": 1}\n')
    with pytest.raises(InputError, match=r"line 1 of .* is no result of inperson batch"):
        run.evaluate(path, tmp_path / "out", results=results)
    with pytest.raises(InputError, match="cannot read the results"):
        run.evaluate(path, tmp_path / "out", results=tmp_path / "gone")
    with pytest.raises(InputError, match="--degrade and --calibration need a run"):
        run.evaluate(path, tmp_path / "out", results=results, degrade=("phone",))


def test_a_scripts_own_scores_give_the_same_document(tmp_path):
    rows = [Row(**{**fields(row), "llr": None, "confidence": None}) for row in sample()]
    done = run.evaluate_rows(rows, tmp_path / "out", name="simulated", draws=20)
    document = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert document["schema"] == "inperson/evaluation/1"
    assert document == json.loads(json.dumps(done.document))
    assert done.rows[-1].llr > 0 > done.rows[0].llr
    assert document["signals"][SIGNAL]["conditions"]["clean"]["figures"]["auc"]["value"] == 0.75
    assert document["models"][SIGNAL]["id"] == MODEL
    with pytest.raises(InputError, match="expected a column of none at all; found 'accent'"):
        run.evaluate_rows(rows, tmp_path / "out", name="simulated", by=("accent",))


# what makes a result stale


def test_code_is_followed_by_imports_and_compared_without_comments(tmp_path):
    plain, remarked, other = tmp_path / "a.py", tmp_path / "b.py", tmp_path / "c.py"
    plain.write_text("import inperson.media\nx = 1\n")
    remarked.write_text("import inperson.media  # why\n\nx = 1\n")
    other.write_text("import inperson.media\nx = 2\n")
    assert fingerprint._module(plain) == fingerprint._module(remarked)
    assert fingerprint._module(plain) != fingerprint._module(other)
    reading, analysis = (fingerprint.code([f"inperson.{name}"]) for name in ("detectors.reading", "analysis"))
    assert len({reading, analysis, fingerprint.code(["inperson.detectors.lip_sync"])}) == 3
    assert fingerprint.code(["os", "inperson"]) == fingerprint.code([])


def test_a_cards_figures_do_not_make_its_evaluation_stale(tmp_path, monkeypatch):
    from inperson import models

    before = fingerprint.model("response_latency-0.2.0")
    text = (models.folder() / "response_latency-0.2.0.toml").read_text()
    monkeypatch.setenv("INPERSON_MODELS", str(tmp_path))
    (tmp_path / "response_latency-0.2.0.toml").write_text(text + "\n[evaluation.new]\nauc = 0.9\n")
    assert fingerprint.model("response_latency-0.2.0") == before
