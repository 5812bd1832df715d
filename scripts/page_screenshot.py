"""Make docs/page.png, the README's picture of the reviewer's page: samples/interview.mp4, opened in Chromium.

    python scripts/page_screenshot.py

Needs the development tools and a chromium (``sh scripts/browser``).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
from playwright.sync_api import sync_playwright

import inperson
from inperson.page import page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
SIZE = {"width": 1280, "height": 1130}


def main() -> None:
    from pages import chromium

    sample = ROOT / "samples/interview.mp4"
    report = inperson.analyze(sample, turns=ROOT / "samples/interview.rttm")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html, raw = Path(folder) / "report.html", Path(folder) / "page.png"
        html.write_text(page(report, media=sample, out=html))
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        shown = browser.new_page(viewport=SIZE)
        shown.goto(html.as_uri())
        shown.evaluate("new Promise((done) => { const look = () => document.querySelector('#media').readyState >= 2 "
                       "? done() : requestAnimationFrame(look); look(); })")  # fmt: skip
        shown.locator("#glance [data-play]").first.click()
        shown.keyboard.press(" ")
        shown.mouse.move(0, 0)
        shown.wait_for_timeout(4000)  # until the player has hidden its own controls
        shown.screenshot(path=raw)
        browser.close()
        image = cv2.imread(str(raw))
    cv2.imwrite(str(ROOT / "docs/page.png"), image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"docs/page.png: {(ROOT / 'docs/page.png').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
