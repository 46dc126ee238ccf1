"""The page in Chromium: it answers, searches and measures, also when the network is gone."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_process import Site, site
from visits import SLOW, altered, ask, measure, until, visit

from edge_distil._machine.interpreter import python
from edge_distil.tasks import QuestionAnswering
from edge_distil_bench.records.document import read_measurements
from edge_distil_bench.statistics.comparison import compare
from edge_distil_bench.statistics.summary import latency

pytestmark = [pytest.mark.web, pytest.mark.browser]
PASSAGES = Path(__file__).parents[2] / "apps" / "edge_distil_apps" / "data" / "passages.json"
QUESTION = "Who built the Skerrin Point lighthouse?"
PATIENCE = 8  # seconds after which a first visit goes on without isolation, until the next one


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("phones")


@pytest.fixture(scope="module")
def served(
    built_page: Path, embedded_bundle: Path, embedding: Path, phones: Path
) -> Iterator[Site]:
    with site(embedded_bundle, embedding, measurements=phones) as running:
        yield running


def test_first_visit_asks_and_marks_the_answer_where_python_finds_it(
    chromium: Any, served: Site, embedded_bundle: Path
) -> None:
    context = json.loads(PASSAGES.read_text("utf-8"))["data"][0]["paragraphs"][0]["context"]
    expected = QuestionAnswering.load(embedded_bundle, variant="int8")(QUESTION, context)
    with visit(chromium, served.address) as page:
        assert page.evaluate("crossOriginIsolated")
        assert ask(page) == expected.text
        assert page.locator("mark").inner_text() == expected.text
        before = page.evaluate("document.querySelector('mark').previousSibling.data")
        assert len(before) == expected.start
        card = page.locator(".result").inner_text()
        assert "191 tokens" in card
        for stage in ("tokens", "features", "model", "answer"):
            assert stage in card


def test_the_score_of_fp32_is_that_of_python(
    chromium: Any, served: Site, embedded_bundle: Path
) -> None:
    context = json.loads(PASSAGES.read_text("utf-8"))["data"][0]["paragraphs"][0]["context"]
    expected = QuestionAnswering.load(embedded_bundle)(QUESTION, context)
    with visit(chromium, served.address) as page:
        choices = page.locator("#model-question-answering option")
        [fp32] = [text for text in choices.all_inner_texts() if "fp32" in text]
        page.select_option("#model-question-answering", label=fp32)
        assert ask(page) == expected.text
        assert f"score {expected.score:.2f}" in page.locator(".result").inner_text()


def test_only_the_server_itself_is_asked(chromium: Any, served: Site) -> None:
    asked: list[str] = []
    with visit(chromium, served.address) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        ask(page)
    own = (served.address, "blob:" + served.address)
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []


def test_search_finds_by_meaning(chromium: Any, served: Site) -> None:
    with visit(chromium, served.address + "#search") as page:
        page.fill("#query", "anything")
        page.press("#query", "Enter")
        page.wait_for_selector(".hit, .status.bad")
        assert page.locator(".hit").count() == 8
        assert "sentences read" in page.locator(".status").inner_text()


def test_search_in_ones_own_text(chromium: Any, served: Site) -> None:
    with visit(chromium, served.address + "#search") as page:
        page.select_option("select >> nth=0", "own")
        page.fill("textarea", "The ferry leaves at nine. A red kite. It rains.\nThe end")
        page.fill("#query", "A red kite.")
        page.press("#query", "Enter")
        page.wait_for_selector(".hit, .status.bad")
        assert page.locator(".hit").count() == 4
        assert page.locator(".hit").first.inner_text() == "A red kite."  # itself: cosine 1


def test_measure_send_and_merge(chromium: Any, served: Site, phones: Path, tmp_path: Path) -> None:
    with visit(chromium, f"{served.address}#token={served.token}") as page:
        assert "token" not in page.url
        measure(page, "embedding")
        page.get_by_role("button", name="Send to the computer").click()
        page.wait_for_selector(".take-along .status.good")
        assert "24 of 24 equal" in page.locator(".results").inner_text()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save a picture").click()
        assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
        shown = page.locator("tbody").first.inner_text()
    [file] = phones.glob("measurements-*.json")
    measured = read_measurements(file)
    for model in measured.models:
        found = latency(measured.runs, model.id, inputs="sentences", threads=1, stage="total")
        seconds = found.median.value
        assert _shows(shown, seconds * 1e3, "ms") or _shows(shown, seconds, "s"), shown
    fp32, int8 = (model.id for model in measured.models)
    where = {"inputs": "sentences", "threads": 1, "stage": "total"}
    faster = compare(measured.runs, int8, fp32, **where).ratio.value
    assert _shows(shown, faster, "×"), shown
    done = _edge_distil("study", "--merge", file, "-o", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert measured.device in report
    assert "onnxruntime-web" in report


def test_a_measurement_can_be_cancelled(chromium: Any, served: Site) -> None:
    with visit(chromium, served.address + "#measure") as page:
        page.get_by_role("button", name="Measure", exact=True).click()
        page.get_by_role("button", name="Cancel").click()
        page.locator("form .status", has_text="Cancelled").wait_for()
        assert page.get_by_role("button", name="Measure", exact=True).is_enabled()
        assert page.get_by_role("button", name="Send").count() == 0


def test_a_wrong_token_is_refused_in_words(chromium: Any, served: Site, phones: Path) -> None:
    with visit(chromium, f"{served.address}#token=wrong") as page:
        reply = page.evaluate(
            """async () => (await fetch("measurements", {method: "POST", body: "{}", headers:
            {authorization: "Bearer " + sessionStorage.getItem("edge-distil-token")}})).status"""
        )
        assert reply == 401


def test_it_answers_when_the_server_is_stopped(
    chromium: Any, built_page: Path, embedded_bundle: Path
) -> None:
    with site(embedded_bundle) as running, visit(chromium, running.address) as page:
        first = ask(page)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        until(page, "navigator.serviceWorker.controller !== null")
        page.reload()  # through the worker, so that the documents are kept
        page.wait_for_selector("#question")
        assert "measurements" not in running.stop()  # none were asked for
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector("#question")
        assert ask(page) == first
        assert page.evaluate("crossOriginIsolated")


def test_without_isolation_there_is_one_thread_and_a_line_that_says_so(
    chromium: Any, served: Site
) -> None:
    def without(route: Any) -> None:
        response = route.fetch()
        altered(route, response, response.body(), without="cross-origin")

    context = chromium.new_context(service_workers="block")
    context.set_default_timeout(SLOW)
    context.route("**/*", without)
    page = context.new_page()
    page.goto(served.address)
    page.wait_for_selector("#question")
    assert not page.evaluate("crossOriginIsolated")
    assert "one thread" in page.locator(".banner").inner_text()
    assert ask(page) == "Margaret Dunmore"
    assert "1 thread " in page.locator(".result").inner_text()
    context.close()


def test_a_static_host_is_isolated_by_the_service_worker(
    chromium: Any, built_page: Path, embedding: Path, tmp_path: Path
) -> None:
    assert _edge_distil("serve", embedding, "--static", tmp_path / "site").returncode == 0
    command = python("-m", "http.server", "0", "--bind", "127.0.0.1", "-d", tmp_path / "site")
    with subprocess.Popen(
        ["env", "PYTHONUNBUFFERED=1", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as host:
        try:
            assert host.stdout is not None
            address = host.stdout.readline().decode().split("(")[1].split(")")[0]
            started = time.monotonic()
            with visit(chromium, address + "#search") as page:
                if time.monotonic() - started > PATIENCE:
                    until(page, "navigator.serviceWorker.ready.then(() => true)")
                    page.reload()
                until(page, "crossOriginIsolated")
                page.wait_for_selector("#query")
                assert page.locator(".banner").count() == 0
        finally:
            host.kill()


def test_a_damaged_download_is_told_and_not_used(chromium: Any, served: Site) -> None:
    def damaged(route: Any) -> None:
        response = route.fetch()
        body = bytearray(response.body())
        body[len(body) // 2] ^= 1
        altered(route, response, bytes(body))

    context = chromium.new_context(service_workers="block")
    context.set_default_timeout(SLOW)
    page = context.new_page()
    context.route("**/model_quantized.onnx", damaged)
    page.goto(served.address)
    page.fill("#question", QUESTION)
    page.press("#question", "Enter")
    page.wait_for_selector(".status.bad")
    assert "damaged" in page.locator(".status").inner_text()
    assert page.locator("#answer").count() == 0
    context.unroute("**/model_quantized.onnx")
    assert ask_again(page) == "Margaret Dunmore"
    context.close()


def ask_again(page: Any) -> str:
    page.press("#question", "Enter")
    page.wait_for_selector("#answer")
    return str(page.locator("#answer").inner_text())


def test_too_little_memory_is_told(chromium: Any, served: Site) -> None:
    """The engine's heap may not grow: what Chromium gives it is less than the model needs."""
    context = chromium.new_context(service_workers="block")
    context.set_default_timeout(SLOW)

    def small(route: Any) -> None:
        response = route.fetch()
        cap = (
            "{ const M = WebAssembly.Memory; WebAssembly.Memory = class extends M {"
            "constructor(d) { super({ ...d, maximum: d.initial }); } }; }"
        )
        altered(route, response, cap.encode() + response.body())

    context.route("**/assets/worker-*.js", small)
    page = context.new_page()
    page.goto(served.address)
    page.fill("#question", QUESTION)
    page.press("#question", "Enter")
    page.wait_for_selector(".status.bad, #answer")
    assert "does not have the memory" in page.locator(".status").inner_text()
    context.close()


def _edge_distil(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = python("-m", "edge_distil_apps.cli", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _shows(text: str, value: float, unit: str) -> bool:
    """Return whether a figure stands there, to its last digit; of two halves either is right."""
    for figure in re.findall(rf"(\d+(?:\.\d+)?) ?{unit}(?!\w)", text):
        half = 0.5 * 10 ** -len(figure.partition(".")[2])
        if abs(float(figure) - value) <= half * (1 + 1e-6):
            return True
    return False
