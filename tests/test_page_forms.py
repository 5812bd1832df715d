"""What the page is made of, without a browser: numbers, lanes, pictures, Markdown, the index, the commands."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pages
import pytest

from inperson import _glimpse, page
from inperson._over_time import Seen, Timeline
from inperson.cli import main
from inperson.errors import InputError
from inperson.media import frames, probe
from inperson.page import lanes, markdown, numbers
from inperson.page.index import Row, first, read
from inperson.page.pictures import drawn, sounds, traces
from inperson.report import Moment, Quantity, Report
from inperson.types import Span

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return pages.film(tmp_path_factory.mktemp("forms") / "call.mp4", seconds=6.0)


@pytest.fixture
def cli(capsys):
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


def of(name: str, signal: str, moment: Moment, **measured: Quantity) -> Report:
    """A report of one finding on a sample with one face."""
    info = probe(SAMPLES / name)
    base = pages.report(SAMPLES / name, seconds=info.duration or 0.0)
    model = {"face_swap": "face_swap-0.3.2"}.get(signal)
    finding = pages.finding(signal, (moment,)).model_copy(update={"measurements": measured, "model": model})
    track = Seen(track=0, candidate=True, spans=((0.0, 99.0),), box=(230.0, 60.0, 410.0, 300.0))
    return base.model_copy(update={"findings": (finding,), "timeline": Timeline(tracks=(track,))})


def image(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (75.25, "1:15.2"), (59.96, "1:00.0"), (3725.25, "1:02:05.2")]
)
def test_clock(seconds, shown):
    assert numbers.clock(seconds) == shown


def test_a_ratio_at_another_prior():
    assert numbers.at_prior(1.0, 0.5) == pytest.approx(10 / 11)
    assert numbers.at_prior(1.0, 0.01) == pytest.approx(0.0917, abs=1e-3)
    assert numbers.at_prior(-500.0, 0.5) < 1e-9
    assert numbers.of_hundred(0.0917) == "9 of 100"
    assert numbers.of_hundred(0.004) == "4 of 1000"
    assert numbers.odds(1.0) == "What was measured is 10 times likelier with the signal than without it."
    assert numbers.odds(-0.30103) == "What was measured is 2 times likelier without the signal than with it."
    assert "as likely" in numbers.odds(0.001)
    assert numbers.signed(-0.001) == "+0.00"


def test_the_candidates_face_is_away_where_no_track_shows_it():
    report = pages.report()
    assert lanes.away(report) == [Span(5.0, 7.0)]
    assert lanes.away(report.model_copy(update={"timeline": None})) == []
    found = lanes.breaks(report)
    assert [(bar.start, bar.mark) for bar in found.bars] == [(5.0, "away"), (8.0, "P")]


def test_lanes_name_the_candidate_first_and_stay_inside():
    found = list(lanes.people(pages.report()))
    assert [(lane.title, lane.note, lane.classes) for lane in found] == [
        ("Bo", "candidate, speaks 0:06", "own"),
        ("Ann", "speaks 0:02", ""),
    ]
    assert [(bar.x, bar.width) for bar in found[0].bars] == [("25%", "50%")]
    assert lanes.strongest(pages.report().findings[0]) == [0, 1]


def test_many_turns_are_joined_not_dropped():
    told = [(Span(i * 0.5, i * 0.5 + 0.4), "x") for i in range(10000)]
    bars = lanes._bars(told, 5000.0)
    assert len(bars) <= lanes.BARS
    assert (bars[0].start, bars[-1].end) == (0.0, pytest.approx(4999.9))


def test_a_glimpse_shows_the_frames_that_reading_shows(film):
    read_ = {frame.time: frame.image for frame in frames(film)}
    seen = list(_glimpse.frames(probe(film), 3.0, 3.5))
    assert [frame.time for frame in seen] == [time for time in read_ if 3.0 <= time < 3.5]
    assert len(seen) in (12, 13)
    assert max(frame.image.mean() for frame in seen) > 200
    for frame in seen:
        np.testing.assert_array_equal(frame.image, read_[frame.time])
    assert list(_glimpse.frames(probe(film), 3.0, 3.5, deadline=0.0)) == []


def test_a_glimpse_of_sound_lies_where_the_beeps_are(film):
    from inperson.media import samples

    whole = np.concatenate([chunk.audio for chunk in samples(film)])
    part = _glimpse.sound(probe(film), 2.5, 4.0)
    assert part.shape == (24000,)
    wanted = whole[40000:64000]
    lag = np.argmax(np.correlate(np.abs(part), np.abs(wanted), "full")) - len(wanted) + 1
    assert abs(lag) <= 2
    assert np.corrcoef(part, wanted)[0, 1] > 0.99


def test_faces_are_cut_from_the_recording_with_their_edge_map():
    report = of("candidate_only.mp4", "face_swap", Moment(start=1.0, end=3.0, score=1.0, note="a moment"))
    (picture,) = drawn(report, SAMPLES / "candidate_only.mp4")[0, 0]
    shown = image(picture.uri)
    assert shown.shape == (288, 576, 3)
    assert len(re.findall(r"[+-]\d+\.\d", picture.caption)) == 4
    colour = np.ptp(shown.astype(int), axis=2).mean(axis=(1,))
    assert colour[:144].mean() > 2 * colour[144:].mean()  # the map lies on a grey picture


def test_lips_and_sound_are_drawn_side_by_side():
    moment = Moment(start=1.0, end=3.5, score=1.0, note="a moment")
    report = of("late_audio.mp4", "lip_sync", moment, offset=Quantity(value=225.0, unit="ms"))
    (picture,) = drawn(report, SAMPLES / "late_audio.mp4")[0, 0]
    assert [line.name for line in picture.lines] == ["lips", "sound"]
    assert "225 ms late" in picture.caption
    assert all(re.fullmatch(r"([ML]-?\d+\.\d -?\d+\.\d)+", line.path) for line in picture.lines)


def test_a_spectrogram_puts_a_tone_where_it_belongs():
    sound = np.sin(2 * np.pi * 2000 * np.arange(32000) / 16000).astype(np.float32)
    levels = sounds.spectrogram(sound)
    assert int(levels.mean(axis=1).argmax()) == 50  # 40 Hz a row
    clicks = np.random.default_rng(0).normal(0, 0.01, 48000).astype(np.float32)
    for at in np.arange(0.13, 3.0, 0.25):
        clicks[round(at * 16000) :][:40] += 0.8
    found = sounds.seams(sounds.spectrogram(clicks), 0.25)
    assert np.diff(found) == pytest.approx([0.25] * (len(found) - 1))
    assert (found[0] - 0.13) % 0.25 == pytest.approx(0.0, abs=0.02) or (found[0] - 0.13) % 0.25 > 0.23


def test_a_line_is_broken_where_nothing_was_seen():
    drawn_ = traces.path(np.array([0.0, 0.1, 0.9, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]), 0.0, 1.0)
    assert re.findall("[ML]", drawn_) == ["M", "L", "M", "L"]


def test_pictures_take_no_more_time_than_they_may():
    report = of("candidate_only.mp4", "face_swap", Moment(start=1.0, end=3.0, score=1.0, note="a moment"))
    assert drawn(report, SAMPLES / "candidate_only.mp4", seconds=-1.0) == {}


def test_another_file_is_not_shown_for_the_recording(film):
    report = pages.report(film)
    with pytest.raises(InputError, match="not the recording of this report"):
        page.page(report.model_copy(update={"media": report.media.model_copy(update={"sha256": "0" * 64})}), media=film)


def test_no_embedding_no_landmark_and_no_picture_unless_asked(film):
    made = page.page(pages.report(film), media=film, pictures=False)
    assert "data:image" not in made
    assert made.count("<script") == 1
    assert "http" not in re.sub(r"http-equiv|www\.w3\.org/2000/svg|http://www", "", made)


def test_a_report_with_nothing_in_it_gives_a_page_and_markdown():
    bare = pages.report().model_copy(update={"findings": (), "timeline": None, "warnings": ()})
    assert "The report holds no finding." in page.page(bare)
    assert "evidence for a person to weigh" in markdown(bare)


def test_markdown_says_what_the_page_says_and_nothing_acts():
    from markdown_it import MarkdownIt

    evil = pages.EVIL + " [x](http://evil.example) ![y](z) @security www.evil.example | # `code`\n# heading"
    shown = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown(pages.report(evil=evil)))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "<a " not in shown
    assert "<h1>" in shown
    assert shown.count("<h1>") == 1
    assert shown.count("<tr>") == 6
    assert "[x](http" not in re.sub(r"<code>.*?</code>", "", shown).replace("[x](http://evil", "")
    for expected in ("strongest", "too little speech", "a Bluetooth headset", "0:02.0 to 0:04.5", "cannot tell"):
        assert expected in shown


def test_the_index_reads_results_and_refuses_anything_else(tmp_path):
    results = tmp_path / "results.jsonl"
    row = {"key": "1" * 64, "sha256": "1" * 64, "path": "/a.mp4", "report": json.loads(pages.report().to_json())}
    error = {"path": "/b.mp4", "error": {"type": "MediaError", "message": "no"}}
    results.write_text("\n".join([json.dumps(row), json.dumps(error), json.dumps(row)[:50]]))
    rows = read(results)
    assert [(row.path, row.error) for row in rows] == [("/a.mp4", ""), ("/b.mp4", "MediaError: no")]
    results.write_text('{"some": "thing"}\n{}\n')
    with pytest.raises(InputError, match="is no result of inperson batch"):
        read(results)


def test_where_to_look_first_is_what_is_surest():
    def row(name: str, interval: tuple[float, float], llr: float) -> Row:
        base = pages.report(name=name)
        one = base.findings[0].model_copy(update={"interval": interval, "llr": llr})
        return Row(name, base.model_copy(update={"findings": (one,)}))

    rows = [row("wide", (0.1, 0.99), 1.5), row("sure", (0.6, 0.8), 0.5), row("surer", (0.7, 0.75), 0.4)]
    assert [(one.name, out) for one, _, out in first(rows)] == [("surer", True), ("sure", True)]
    assert [(one.name, out) for one, _, out in first(rows[:1])] == [("wide", False)]
    assert first([]) == []


def test_commands(cli, film, tmp_path):
    stored = tmp_path / "report.json"
    stored.write_text(pages.report(film).to_json())
    code, out, _ = cli("report", stored)
    assert (code, out.startswith("Recording")) == (0, True)
    assert cli("report", stored, "--markdown", "-")[1].startswith("# What was measured in")
    target = tmp_path / "pages" / "r.html"
    target.parent.mkdir()
    assert cli("report", stored, "--media", film, "--html", target, "--no-pictures")[0] == 0
    link = re.search(r'<video id="media" src="([^"]+)"', target.read_text())[1]
    assert (target.parent / link).resolve() == film
    results = tmp_path / "results.jsonl"
    results.write_text(pages.report(film).to_json(None) + "\n")
    assert cli("report", results, "--index", tmp_path / "index.html")[2].startswith("inperson: index of 1 recordings")
    href = re.search(r'href="(\./index-pages/[^"]+)"', (tmp_path / "index.html").read_text())[1]
    assert "<video" in (tmp_path / href).read_text()


def test_a_batch_writes_its_index_with_a_page_for_each_recording(cli, film, tmp_path):
    results, index = tmp_path / "results.jsonl", tmp_path / "index.html"
    (tmp_path / "none.mp4").write_bytes(b"no recording")
    code, _, told = cli(
        "batch", film, tmp_path / "none.mp4", "--out", results, "--html", index, "--signals", "lip_sync"
    )
    assert (code, "1 analysed, 1 failed" in told) == (0, True)
    shown = index.read_text()
    assert "MediaError" in shown
    (href,) = re.findall(r'href="(\./index-pages/[^"]+)"', shown.partition("<tbody")[2])
    assert "<video" in (tmp_path / href).read_text()


def test_an_embedded_recording_is_in_the_page_byte_for_byte_and_has_a_limit(cli, film, tmp_path, monkeypatch):
    stored, out = tmp_path / "report.json", tmp_path / "r.html"
    stored.write_text(pages.report(film).to_json())
    assert cli("report", stored, "--media", film, "--html", out, "--embed", "--no-pictures")[0] == 0
    held = re.search(r'src="data:video/mp4;base64,([^"]+)"', out.read_text())[1]
    assert base64.b64decode(html.unescape(held)) == film.read_bytes()
    monkeypatch.setattr("inperson.page.build.EMBEDDED", film.stat().st_size - 1)
    code, _, told = cli("report", stored, "--media", film, "--html", out, "--embed", "--no-pictures")
    assert code != 0
    assert "leave out --embed" in told


def test_a_copy_that_browsers_play_keeps_the_times(cli, tmp_path):
    import clips

    original = tmp_path / "call.mpg"
    clips.write(original, *clips.flash_and_beep())
    stored = tmp_path / "report.json"
    stored.write_text(pages.report(original).to_json())
    out = tmp_path / "r.html"
    assert cli("report", stored, "--media", original, "--html", out, "--copy", "--no-pictures")[0] == 0
    assert 'src="./r-viewing.mp4"' in out.read_text()
    assert "encoded again for browsers" in out.read_text()
    copied = clips.flashes(frames(tmp_path / "r-viewing.mp4"))
    assert copied == pytest.approx(clips.flashes(frames(original)), abs=0.02)
    assert cli("report", stored, "--html", out, "--copy")[0] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--html", "{stored}"], "would overwrite the results"),
        (["--index", "x.html", "--html", "y.html"], "--index takes a batch's results alone"),
        (["--media", "{other}", "--html", "x.html"], "is not the recording of this report"),
    ],
)
def test_wrong_use_is_one_line(cli, film, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    stored = tmp_path / "report.json"
    stored.write_text(pages.report(film).to_json())
    code, out, err = cli(
        "report", stored, *[o.format(stored=stored, other=SAMPLES / "late_audio.mp4") for o in options]
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    code, _, err = cli("report", film)
    assert (code, "is no report of inperson check" in err) == (2, True)


def test_check_writes_the_page(cli, film, tmp_path):
    out = tmp_path / "r.html"
    code, _, err = cli("check", film, "--html", out, "--signals", "lip_sync", "--exclude", "1-2", "--no-pictures")
    assert code == 0
    assert f"page written to {out}" in err
    assert "Left out of the analysis on request" in out.read_text()


def test_answers_begin_earlier_or_later_than_usual_and_no_bare_latency_is_open():
    base = pages.report()
    finding = base.finding("response_latency")
    assert finding.curve is not None
    points = tuple(p.model_copy(update={"value": p.value + 1.0}) for p in finding.curve.points)
    curve = finding.curve.model_copy(update={"reference": 1.5, "points": points})
    measured = {"offset_median": Quantity(value=1.234, unit="s")}
    timed = finding.model_copy(update={"curve": curve, "measurements": measured})
    shown = page.page(base.model_copy(update={"findings": (timed,)}))
    figure = re.search(r'<figure class="onsets">.*?</figure>', shown, re.DOTALL)
    assert figure is not None
    assert ">usual</text>" in figure[0]
    assert "begins 0.5 s earlier than usual" in figure[0]
    assert "begins 0.3 s later than usual" in figure[0]
    assert "after the question" not in figure[0].split("<figcaption>")[0]
    before, folded = shown.split('<details class="measured">')
    assert "1.23 s" not in before
    assert "1.23 s" in folded


def test_what_is_heard_before_an_answer_is_a_place_with_its_letter():
    base = pages.report()
    heard = Moment(start=2.6, end=2.9, score=0.0, note="Sounds like typing.", kind="typing")
    silent = base.finding("synthetic_voice").model_copy(update={"signal": "response_latency", "evidence": (heard,)})
    report = base.model_copy(update={"findings": (silent,)})
    lane = lanes.breaks(report)
    assert lane is not None
    assert ("T", "Sounds like typing.") in [(bar.mark, bar.says) for bar in lane.bars]
    assert "Sounds like typing." in page.page(report)
    assert "(to look at: sounds like typing)" in markdown(report)
