"""The report as a reader sees it: in Chromium, on a phone and on a desk, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from simulated_study import simulate_study

from edge_distil_apps.study.folder import StudyFolder
from edge_distil_apps.study.report import write_report

pytestmark = [pytest.mark.browser, pytest.mark.wide]

PHONE, DESK = 390, 1440
SMALLEST_TEXT = 11.0  # CSS pixels on the screen
OVERLAP = 0.2  # of the smaller label's area that another one may cover

# Elements that stick out of the window, but for what a scroll region holds.
STICKING_OUT = """() => [...document.querySelectorAll("main *")].filter((e) => {
  if (e.closest(".scroll") && !e.matches(".scroll") || !e.checkVisibility()) return false;
  const box = e.getBoundingClientRect();
  return box.width && (box.left < -0.5 || box.right > document.documentElement.clientWidth + 0.5);
}).map((e) => e.outerHTML.slice(0, 120))"""

# Whether what a part holds can be seen.
SEEN = """() => [...document.querySelectorAll("details.fold > div")].map(
  (one) => one.checkVisibility({contentVisibilityAuto: true}) && one.offsetHeight > 40)"""

# Every visible figure: its drawings' shapes, and its words with their boxes and sizes.
FIGURES = """() => [...document.querySelectorAll("figure svg")].filter((s) => s.checkVisibility())
  .map((svg) => {
    const card = svg.closest("figure").getBoundingClientRect();
    return {
      title: svg.querySelector("title").textContent,
      card: [card.left, card.top, card.right, card.bottom],
      shapes: svg.querySelectorAll("path, rect, circle, line").length,
      height: svg.getBoundingClientRect().height,
      texts: [...svg.querySelectorAll("text")].map((text) => {
        const box = text.getBoundingClientRect(), scale = text.getScreenCTM().a;
        return {
          words: text.textContent,
          size: parseFloat(getComputedStyle(text).fontSize) * scale,
          box: [box.left, box.top, box.right, box.bottom],
        };
      }),
    };
  })"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_report([simulate_study(), simulate_study(device="A phone", seed=1)], StudyFolder(folder))
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(
    params=[(width, scheme) for width in (PHONE, DESK) for scheme in ("light", "dark")],
    ids=lambda shown: f"{shown[0]}px-{shown[1]}",
)
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The report without a network; a request for anything but the file fails the test."""
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    requests: list[str] = []
    context.on("request", lambda one: requests.append(one.url))
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.goto(report.as_uri())
    opened.eval_on_selector_all("details", "all => all.forEach((one) => one.open = true)")
    yield opened
    context.close()
    assert requests == [report.as_uri()]
    assert problems == []


def test_nothing_is_wider_than_the_window(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate(STICKING_OUT) == []


def test_figures_are_legible(page: Page) -> None:
    figures = page.evaluate(FIGURES)
    assert len(figures) > 20
    for figure in figures:
        assert figure["shapes"] >= 2, figure["title"]
        assert figure["height"] > 20, figure["title"]
        for text in figure["texts"]:
            assert text["size"] >= SMALLEST_TEXT, (figure["title"], text)
            assert _inside(text["box"], figure["card"]), (figure["title"], text)


def test_labels_do_not_cover_each_other(page: Page) -> None:
    for figure in page.evaluate(FIGURES):
        texts = figure["texts"]
        for index, one in enumerate(texts):
            for other in texts[index + 1 :]:
                where = (figure["title"], one["words"], other["words"])
                assert _covered(one["box"], other["box"]) <= OVERLAP, where


def test_the_scheme_is_followed(page: Page) -> None:
    luminance = page.evaluate(
        """() => ["color", "background-color"].map((name) => {
          const [r, g, b] = getComputedStyle(document.body)[name].match(/[\\d.]+/g).map(Number);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        })"""
    )
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    ink, paper = luminance
    assert (ink > paper) == dark
    assert abs(ink - paper) > 150  # of 255


def test_the_contents_lead_to_each_part(browser: Browser, report: Path) -> None:
    """On a phone all parts but the first of a device are folded; a link opens what it leads to."""
    shown = browser.new_page(viewport={"width": PHONE, "height": 900})
    shown.goto(report.as_uri())
    parts = shown.locator("details.fold")
    links = shown.locator(".contents a")
    assert links.count() == parts.count() > 20  # of two devices
    assert len({links.nth(n).get_attribute("href") for n in range(links.count())}) == links.count()
    assert sum(shown.evaluate(SEEN)) == 2
    folded = shown.evaluate("document.documentElement.scrollHeight")
    links.nth(links.count() - 1).click()
    assert shown.evaluate(SEEN)[-1]
    assert 0 <= parts.nth(parts.count() - 1).bounding_box()["y"] < 450  # type: ignore[index]
    shown.eval_on_selector_all("details.fold", "all => all.forEach((one) => one.open = true)")
    assert folded < shown.evaluate("document.documentElement.scrollHeight") / 3
    shown.close()


def test_a_desk_and_paper_show_all(browser: Browser, report: Path) -> None:
    shown = browser.new_page(viewport={"width": DESK, "height": 900})
    shown.goto(report.as_uri())
    assert all(shown.evaluate(SEEN))
    shown.set_viewport_size({"width": PHONE, "height": 900})
    shown.emulate_media(media="print")
    assert all(shown.evaluate(SEEN))
    shown.close()


def test_a_band_has_its_legend_beside_it(page: Page) -> None:
    drawn = page.evaluate(
        """() => [...document.querySelectorAll("figure")].map((figure) => ({
          bands: figure.querySelectorAll(".band").length,
          legends: [...figure.querySelectorAll("text")].filter(
            (text) => text.textContent.startsWith("A/A band")).length,
        }))"""
    )
    with_band = [one for one in drawn if one["bands"]]
    assert with_band
    for one in with_band:  # in both widths a band in the key and one in the chart
        assert (one["bands"], one["legends"]) == (4, 2)


def test_the_quantizer_s_page_fits_too(browser: Browser, tiny: Path, tmp_path: Path) -> None:
    from edge_distil_apps.report import render
    from edge_distil_quantize import describe_sensitivity, quantize_bundle

    bundle = shutil.copytree(tiny / "text_classification", tmp_path / "bundle")
    quantize_bundle(bundle, "int8")
    page = tmp_path / "int8.html"
    page.write_text(render(describe_sensitivity(bundle, "int8", calibrate=False)), "utf-8")
    for width in (PHONE, DESK):
        shown = browser.new_page(viewport={"width": width, "height": 900})
        shown.goto(page.as_uri())
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.evaluate(STICKING_OUT) == []
        shown.close()


def _inside(box: list[float], frame: list[float]) -> bool:
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _covered(one: list[float], other: list[float]) -> float:
    """Return which share of the smaller box the other one covers."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    shared: Any = max(wide, 0) * max(high, 0) / (min(areas) or 1.0)
    return float(shared)
