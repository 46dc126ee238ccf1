"""How the page looks and is used: phone, desk, light, dark, thumb, keyboard, screen reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_process import site
from visits import PHONE, SLOW, ask, measure, until

pytestmark = [pytest.mark.web, pytest.mark.browser]
AXE = (
    Path(__file__).parents[2] / "apps" / "web" / "page" / "node_modules" / "axe-core" / "axe.min.js"
)
VIEWS = ("ask", "search", "measure")
SIZES = {"phone": (360, 740), "desk": (1440, 900)}
THUMB = 44  # CSS pixels (WCAG 2.5.5)
MOST_SHIFT = 0.02  # of the layout, without anybody touching it; 0.1 counts as good

# What sticks out of the window, but for what scrolls by itself.
STICKING_OUT = """() => [...document.querySelectorAll("body *")].filter((e) => {
  const scrolls = e.closest(".chips, .scroll, .reading");
  if (scrolls && scrolls !== e || e.closest(".visually-hidden, .skip, svg")) return false;
  if (!e.checkVisibility()) return false;
  const box = e.getBoundingClientRect(), width = document.documentElement.clientWidth;
  return box.width && (box.left < -0.5 || box.right > width + 0.5);
}).map((e) => e.outerHTML.slice(0, 120))"""
SMALL = """(least) => [...document.querySelectorAll(
  "a, button, select, textarea, input:not([type=checkbox]), label.box"
)].filter((e) => e.checkVisibility() && !e.matches(".skip")).filter((e) => {
  const box = e.getBoundingClientRect();
  return box.height < least || box.width < least;
}).map((e) => e.outerHTML.slice(0, 120))"""
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})"""


@pytest.fixture(scope="module")
def visitor(
    chromium: Any, built_page: Path, embedded_bundle: Path, embedding: Path
) -> Iterator[Any]:
    """A phone on which all three views have something to show."""
    with site(embedding, embedded_bundle) as running:
        context = chromium.new_context(**PHONE, device_scale_factor=2)
        context.set_default_timeout(SLOW)
        page = context.new_page()
        page.goto(running.address)
        page.wait_for_selector("#question")
        ask(page)
        page.goto(running.address + "#search")
        page.fill("#query", "a storm at sea")
        page.press("#query", "Enter")
        page.wait_for_selector(".hit")
        measure(page, "embedding")
        yield page
        context.close()


@pytest.fixture(params=VIEWS)
def view(visitor: Any, request: pytest.FixtureRequest) -> str:
    """One of the views, to the front."""
    name = str(request.param)
    visitor.evaluate(f"location.hash = {name!r}")
    visitor.wait_for_selector(f"[data-tab={name}][aria-current]")
    return name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_looks(visitor: Any, view: str, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    visitor.set_viewport_size({"width": width, "height": height})
    visitor.emulate_media(color_scheme=scheme)
    visitor.evaluate("scrollTo(0, 0)")
    if folder := os.environ.get("EDGE_DISTIL_PICTURES"):
        visitor.screenshot(path=Path(folder, f"{view}-{width}-{scheme}.png"))
        visitor.screenshot(path=Path(folder, f"{view}-{width}-{scheme}-whole.png"), full_page=True)
    assert visitor.evaluate(STICKING_OUT) == []
    if size == "phone":
        assert visitor.evaluate(SMALL, THUMB) == []
    assert _faults(visitor) == []


def _faults(page: Any) -> list[str]:
    """Return what axe finds serious or critical."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_nothing_moves_by_itself(chromium: Any, built_page: Path, embedded_bundle: Path) -> None:
    with site(embedded_bundle) as running:
        context = chromium.new_context(**PHONE)
        context.set_default_timeout(SLOW)
        page = context.new_page()
        page.goto(running.address)
        page.wait_for_selector("#question")
        ask(page)
        assert page.evaluate(SHIFT) < MOST_SHIFT
        context.close()


def test_by_keyboard_alone(chromium: Any, built_page: Path, embedded_bundle: Path) -> None:
    with site(embedded_bundle) as running:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(SLOW)
        page = context.new_page()
        page.goto(running.address)
        page.wait_for_selector("#question")
        _tab_to(page, "#question")
        page.keyboard.type("How tall is the tower?")
        page.keyboard.press("Enter")
        page.wait_for_selector("#answer")
        assert page.locator("#answer").inner_text() == "31 metres"
        _tab_to(page, "[data-tab=search]")
        page.keyboard.press("Enter")
        until(page, "document.activeElement.id === 'main'")
        assert page.evaluate("location.hash") == "#search"
        context.close()


def _tab_to(page: Any, selector: str) -> None:
    for _ in range(40):
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")
