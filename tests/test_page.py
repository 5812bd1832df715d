"""The reviewer's page in a real browser: it seeks, plays, keeps a review, and nothing of a recording acts in it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pages
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from inperson.page import index, page
from inperson.page.index import Row

BROWSER = pages.chromium()
if BROWSER is None and not os.environ.get("CI"):
    pytest.skip("no chromium on this machine: sh scripts/browser installs it as root", allow_module_level=True)
SHOTS = Path(__file__).parents[1] / "out" / "pages"
Open = Callable[..., Page]


@pytest.fixture(autouse=True)
def no_longer_than_a_minute() -> Iterator[None]:
    """A browser that hangs fails its test, and not the whole run."""

    def stop(*_: object) -> None:
        raise TimeoutError("the browser did not answer within a minute")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pages.film(tmp_path_factory.mktemp("page") / "interview #1 100%?.mp4")


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a file from disk without network; any console message (refused requests too) or dialog fails."""
    contexts, wrong = [], []

    def show(path: Path, **options) -> Page:
        context = browser.new_context(offline=True, **{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: wrong.append(message.text))
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        shown.goto(path.as_uri())
        return shown

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def made(film: Path, tmp_path: Path) -> Path:
    out = tmp_path / "report.html"
    out.write_text(page(pages.report(film), media=film, out=out, pictures=False))
    return out


def until(shown: Page, condition: str) -> None:
    """Wait for a condition in the page; Playwright's own way needs eval, which the page's policy refuses."""
    shown.evaluate(
        "() => new Promise((done, fail) => { const began = performance.now(); const look = () => "
        f"{{ if ({condition}) done(); else if (performance.now() - began > 8000) fail(new Error('waited in vain')); "
        "else setTimeout(look, 20); }; look(); })"
    )


def ready(shown: Page) -> Page:
    until(shown, "document.querySelector('#media').readyState >= 2")
    return shown


def now(shown: Page) -> float:
    until(shown, "!document.querySelector('#media').seeking")
    return shown.evaluate("document.querySelector('#media').currentTime")


def serious(shown: Page) -> list[str]:
    found = Axe().run(shown).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
    ]


def test_a_click_on_each_moment_goes_to_its_start(opened, made):
    shown = ready(opened(made))
    pins = shown.locator(".pin")
    starts = [float(pin.get_attribute("data-start")) for pin in pins.all()]
    assert sorted(starts) == [2.0, 2.0, 3.0, 6.2]
    for pin, start in zip(pins.all(), starts, strict=True):
        pin.locator(".flag").click()
        assert abs(now(shown) - start) < 0.2
        assert shown.evaluate("document.querySelector('#media').paused")


def test_one_action_plays_the_strongest_moment_of_each_signal(opened, made):
    shown = ready(opened(made))
    buttons = shown.locator("#glance [data-play]")
    assert buttons.all_inner_texts() == ["▶ A1 0:03.0", "▶ F1 0:02.0", "▶ L1 0:02.0"]
    for button in buttons.all():
        button.click()
        start = float(button.get_attribute("data-start"))
        until(shown, f"document.querySelector('#media').currentTime > {start + 0.1}")
        assert start < now(shown) < start + 2.5
    until(shown, "document.querySelector('#media').paused")  # at the moment's end, by itself
    assert now(shown) == pytest.approx(4.5, abs=0.5)
    assert "a Bluetooth headset" in shown.locator("#beside").inner_text()


def test_the_keyboard_alone_is_enough(opened, made):
    shown = ready(opened(made))
    for key, wanted in (("j", 2.0), ("j", 2.0), ("j", 3.0), ("k", 2.0), ("ArrowRight", 3.0), ("Shift+ArrowRight", 8.0)):
        shown.keyboard.press(key)
        assert now(shown) == pytest.approx(wanted, abs=0.2)
    shown.keyboard.press("s")
    assert shown.evaluate("document.querySelector('#media').playbackRate") == 0.5
    shown.keyboard.press(" ")
    until(shown, "!document.querySelector('#media').paused")
    shown.keyboard.press(" ")
    pin = shown.locator('.pin[tabindex="0"]')
    pin.focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate("document.activeElement.getAttribute('data-start')") == "3.0"
    assert "0:03.0 to 0:04.5: strongest" in shown.locator("#readout").inner_text()
    shown.keyboard.press("Enter")
    assert now(shown) == pytest.approx(3.0, abs=0.2)


def test_a_moment_loops(opened, made):
    shown = ready(opened(made))
    shown.locator("#m-0-1 [data-go].time").click()
    shown.locator('[data-do="slow"]').click()
    shown.locator('[data-do="slow"]').click()
    shown.evaluate("document.querySelector('#media').playbackRate = 8; window.back = 0; let last = 0; "
                   "document.querySelector('#media').addEventListener('timeupdate', (e) => "
                   "{ const t = e.target.currentTime; if (t < last) window.back++; last = t; })")  # fmt: skip
    shown.keyboard.press("l")
    until(shown, "window.back >= 2")


def test_nothing_of_a_recording_runs(opened, film, tmp_path):
    hostile = tmp_path / "<script>window.pwned=3<&>.mp4"
    hostile.symlink_to(film)
    report = pages.report(film, name=f"/data/{pages.EVIL}.mp4".replace("</", "<\\/"), evil=pages.EVIL)
    out = tmp_path / "report.html"
    out.write_text(page(report, media=hostile, out=out, pictures=False))
    shown = ready(opened(out))
    shown.locator("#note").fill(pages.EVIL)
    shown.locator("#reviewer").fill(pages.EVIL)
    reason = shown.locator("#m-0-0 [data-decide='reason']")
    reason.fill(pages.EVIL)
    shown.locator("#m-0-0 [data-decide='excluded']").check()
    for part in (*shown.locator("rect[data-says]").all(), shown.locator("#m-0-0 .time")):
        part.hover()
    shown.locator("#m-0-0 .time").click()
    shown.locator('[data-do="sign"]').click()
    shown.reload()
    assert pages.EVIL in shown.locator("#signed").inner_text()
    assert shown.evaluate("window.pwned") is None
    assert shown.locator("img").count() == 0
    assert shown.locator("script").count() == 1
    assert shown.locator("h1").inner_text().endswith(pages.EVIL.rpartition("/")[2] + ".mp4")
    assert pages.EVIL in shown.locator("#m-0-0 blockquote").first.inner_text()


def test_a_script_that_got_in_all_the_same_is_refused(browser, made):
    text = made.read_text().replace(
        "<main>", "<main><script>window.pwned = 1</script><p onclick='1' style='color:red'>", 1
    )
    made.write_text(text)
    shown = browser.new_page()
    refused = []
    shown.on("console", lambda message: refused.append(message.text))
    shown.goto(made.as_uri())
    assert shown.evaluate("window.pwned") is None
    assert sum("Content Security Policy" in one for one in refused) >= 2
    shown.close()


def test_a_review_is_kept_saved_and_opened_again(opened, made, tmp_path):
    shown = ready(opened(made))
    shown.locator("#m-0-0 [data-decide='reason']").fill("a filter")
    assert shown.locator("#m-0-0 [data-decide='explained']").is_checked()
    shown.locator("#m-2-0 [data-decide='excluded']").check()
    shown.evaluate("document.querySelector('#media').currentTime = 6")
    now(shown)
    shown.keyboard.press("Escape")
    shown.locator('[data-do="in"]').click()
    shown.evaluate("document.querySelector('#media').currentTime = 7")
    now(shown)
    shown.locator('[data-do="out"]').click()
    shown.locator('[data-label="face_swap"]').select_option("bonafide")
    shown.locator("#note").fill("seen twice")
    shown.locator('[data-do="sign"]').click()
    assert shown.locator("#signed").inner_text() == "Name the reviewer first."
    shown.locator("#reviewer").fill("R. Eviewer")
    shown.locator('[data-do="sign"]').click()
    shown.reload()
    assert shown.locator("#note").input_value() == "seen twice"
    assert "out" in shown.locator("#m-0-1").get_attribute("class")  # inside the span that was marked by hand
    assert "--exclude 3-4.5,6-7 " in shown.locator("#command").input_value()
    with shown.expect_download() as saved:
        shown.locator('[data-do="export"]').click()
    file = tmp_path / "saved.json"
    saved.value.save_as(file)
    review = json.loads(file.read_text())
    assert review["excluded"] == [{"start": 3, "end": 4.5}, {"start": 6, "end": 7}]
    assert next(one for one in review["moments"] if one["reason"]) == {
        "key": "face_swap@2.000-4.500", "start": 2, "end": 4.5, "explained": True, "reason": "a filter",
        "excluded": False,
    }  # fmt: skip
    assert review["labels"] == {"face_swap": "bonafide"}
    assert review["signed"]["by"] == "R. Eviewer"
    with shown.expect_download() as saved:
        shown.locator('[data-do="labels"]').click()
    assert saved.value.path().read_text().splitlines()[0] == "path,signal,label"
    assert saved.value.path().read_text().splitlines()[1].endswith(",face_swap,bonafide")
    other = opened(made)
    assert other.locator("#note").input_value() == ""
    other.locator("#restore").set_input_files(file)
    until(other, "document.querySelector('#note').value === 'seen twice'")
    assert other.locator("#m-2-0 [data-decide='excluded']").is_checked()
    other.locator("#note").fill("changed after signing")
    assert other.locator("#signed").inner_text() == ""
    other.locator("#restore").set_input_files(made)
    until(other, "document.querySelector('#saved').textContent.includes('no review')")


def test_a_page_without_media_takes_the_file_from_the_reviewer(opened, film, tmp_path):
    out = tmp_path / "report.html"
    out.write_text(page(pages.report(film)))
    shown = opened(out)
    assert shown.locator("#nomedia").is_visible()
    shown.locator("#file").set_input_files(film)
    ready(shown)
    shown.locator(".pin").first.locator(".flag").click()
    assert now(shown) == pytest.approx(3.0, abs=0.2)
    assert not shown.locator("#othersize").is_visible()
    shown.locator("#file").set_input_files(out)
    assert shown.locator("#othersize").is_visible()


def test_without_scripts_everything_is_there_to_read(opened, made):
    shown = opened(made, java_script_enabled=False)
    words = shown.locator("body").inner_text()
    for expected in ("strongest", "too little speech", "a Bluetooth headset", "Responsible use", "read-only"):
        assert expected in words
    assert not shown.locator("#note").is_visible()
    assert shown.locator(".pin").first.get_attribute("href") == "#m-2-0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1920])
def test_it_is_accessible_and_fits_in_both_schemes(opened, film, tmp_path, scheme, width):
    out = tmp_path / "report.html"
    out.write_text(page(pages.report(film), media=film, out=out, pictures=False))
    shown = ready(opened(out, color_scheme=scheme, viewport={"width": width, "height": 900}))
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert serious(shown) == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    dark = shown.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128")
    assert dark == (scheme == "dark")
    SHOTS.mkdir(parents=True, exist_ok=True)
    shown.screenshot(path=SHOTS / f"{scheme}-{width}.png", full_page=True)


def test_an_embedded_recording_plays_and_seeks(opened, film, tmp_path):
    out = tmp_path / "alone.html"
    out.write_text(page(pages.report(film), media=film, out=out, embed=True, pictures=False))
    shown = ready(opened(out))
    shown.locator("#m-0-0 .time").click()
    assert now(shown) == pytest.approx(pages.report(film).findings[0].evidence[0].start, abs=0.2)


def test_print_opens_what_is_folded_and_drops_the_player(opened, made):
    shown = ready(opened(made, color_scheme="dark"))
    SHOTS.mkdir(parents=True, exist_ok=True)
    printed = shown.pdf(path=SHOTS / "print.pdf", prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 6
    shown.emulate_media(media="print")
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.locator("#m-0-2 .note").is_visible()
    assert not shown.locator("#media").is_visible()
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_an_hour_is_small_and_opens_at_once(opened, tmp_path):
    out = tmp_path / "hour.html"
    out.write_text(page(pages.hour()))
    assert out.stat().st_size < 1_000_000  # pictures may take the other half of 3 MB
    began = time.monotonic()
    shown = opened(out)
    assert time.monotonic() - began < 3.0  # here, on a machine that does other things too
    assert shown.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") < 1000
    assert shown.locator(".pin").count() == 100


def test_the_index_sorts_filters_and_says_where_to_look(opened, film, tmp_path):
    reports = [pages.report(film, name=f"/data/{name}.mp4") for name in ("b", "a", pages.EVIL.replace("/", ""))]
    high = reports[1].findings[0].model_copy(update={"llr": 1.5, "interval": (0.8, 0.99), "confidence": 0.97})
    reports[1] = reports[1].model_copy(update={"findings": (high, *reports[1].findings[1:])})
    rows = [Row(one.media.path, one, link=f"./{i}.html") for i, one in enumerate(reports)]
    out = tmp_path / "index.html"
    out.write_text(index([*rows, Row("/data/c.mp4", error=f"MediaError: {pages.EVIL}")], title=pages.EVIL))
    shown = opened(out)
    assert serious(shown) == []
    assert shown.locator(".first li").all_inner_texts() == [
        "a.mp4 Face: confidence 0.97, interval 0.80 to 0.99, all of it above the prior; 2 moments to listen to"
    ]
    names = "[...document.querySelectorAll('#table tbody tr:not([hidden]) th')].map((one) => one.textContent.trim()[0])"
    shown.locator('[data-sort="name"]').click()
    assert shown.evaluate(names) == ["<", "a", "b", "c"]
    shown.locator('[data-sort="s0"]').click()
    assert shown.evaluate(names)[0] == "a"
    assert shown.evaluate(names)[-1] == "c"
    shown.locator("#least").fill("1")
    assert shown.evaluate(names) == ["a"]
    assert shown.locator("#count").inner_text() == "1 of 4 shown"
    assert shown.evaluate("window.pwned") is None
    SHOTS.mkdir(parents=True, exist_ok=True)
    shown.screenshot(path=SHOTS / "index.png", full_page=True)
