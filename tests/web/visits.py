"""A visitor of the page, on a phone or at a desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Error

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
SLOW = 120_000  # ms: two cores that others use as well


@contextmanager
def visit(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """Open the page in a new context; what it says on the console as an error fails the test."""
    context = browser.new_context(**(PHONE | options))
    context.set_default_timeout(SLOW)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(address)
        page.wait_for_selector("main .card")
        yield page
        assert errors == []
    finally:
        context.close()


def until(page: Any, condition: str) -> None:
    """Wait for a condition; the page's policy forbids what Playwright would wait with."""
    for _ in range(SLOW // 100):
        with suppress(Error):  # it navigates meanwhile
            if page.evaluate(condition):
                return
        page.wait_for_timeout(100)
    raise AssertionError(f"it never was so: {condition}")


def ask(page: Any, question: str = "Who built the Skerrin Point lighthouse?") -> str:
    """Ask about the text that is shown, and return the answer."""
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector("#answer, .status.bad")
    assert page.locator(".status.bad").count() == 0, page.locator(".status").inner_text()
    return str(page.locator("#answer").inner_text())


def measure(page: Any, bundle: str) -> None:
    """Measure a bundle at a first look's length, on one thread."""
    page.goto(page.url.partition("#")[0] + "#measure")
    # Choices are made anew for a bundle once the browser has said whether it has WebGPU.
    until(page, "document.querySelector('.options input') !== null")
    page.evaluate("document.querySelector('.options input').dataset.old = ''")
    page.select_option("#bundle", label=bundle)
    until(page, "document.querySelector('.options [data-old]') === null")
    page.select_option("#effort", "glance")
    several = page.locator("input[name=threads]:not([value='1'])")
    if several.count():
        several.uncheck()
    page.get_by_role("button", name="Measure", exact=True).click()
    page.wait_for_selector(".result-view, .status.bad", timeout=2 * SLOW)
    assert page.locator(".status.bad").count() == 0, page.locator(".status.bad").inner_text()


def altered(route: Any, response: Any, body: bytes, without: str = "content-encoding") -> None:
    """Answer a request with another body, and without headers whose names begin so."""
    left_out = (without, "content-encoding", "content-length")
    kept = {k: v for k, v in response.headers.items() if not k.startswith(left_out)}
    route.fulfill(status=response.status, headers=kept, body=body)
