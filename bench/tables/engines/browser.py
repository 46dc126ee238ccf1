"""In one Chromium: the JavaScript runtime beside transformers.js, with the same int8 files.

    .venv/bin/python bench/tables/engines/browser.py [--part PART ...] [--threads 1 --threads 2]
        [--quick] [--json FILE] [--work DIR]

Needs Node, Chromium, and what `npm ci` installs in apps/web/bench and apps/web/page. Each side is
a page of its own, opened anew for each round, on the engine that it brings; a block is one turn of
each with the same queries, in alternating order, timed in the page around the call. Questions are
the study's, with their passages; sentences its pairs'. Ratios are our latency over the peer's,
within a block: median over all blocks, with the interval of `statistics.bootstrap`.

Also: what the page of `edge-distil serve` weighs without a model, and how long a visitor waits for
the first answer after a reload, from the navigation to the answer on the screen.

PART is `question-answering`, `feature-extraction` or `page`. What `--json` names keeps the figures
of the parts that are not measured this time.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import statistics
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from edge_distil._machine.interpreter import python
from edge_distil.bundle import open_bundle
from edge_distil_apps.serve.golden import golden
from edge_distil_bench.statistics.bootstrap import nested_interval
from tables.embedding.clients import make_bundle
from tables.shared.figures import machine, markdown, parser
from tables.shared.places import EMBEDDED, REPOSITORY
from tables.shared.variants import export

WEB = REPOSITORY / "apps" / "web"
SIDES = ("own", "peer")
PAGE = "page"
PARTS = ("question-answering", "feature-extraction", PAGE)
COLUMNS = ("int8", "threads", "ours, ms", "transformers.js, ms", "ours / it", "same", "MB")
QUERIES, ROUNDS, BLOCKS, VISITS = 8, 3, 6, 5
# Chromium's own figure waits for every worker of a page; an engine's sleeping threads never answer.
_WATCH = """{
  const { Memory } = WebAssembly;
  globalThis.heaps = [];
  WebAssembly.Memory = class extends Memory {
    constructor(size) { super(size); heaps.push(this); }
  };
}"""
_MEMORY = (
    "heaps.reduce((sum, { buffer }) => sum + buffer.byteLength, performance.memory.usedJSHeapSize)"
)


@contextmanager
def hosted(page: Path, *bundles: Path) -> Iterator[str]:
    """Serve a built page with bundles, as `edge-distil serve` does, and yield its address."""
    script = (
        "import sys; from pathlib import Path\n"
        "from edge_distil_apps.serve import address, collect, running\n"
        "page, *bundles = map(Path, sys.argv[1:])\n"
        "listening = address.listen('127.0.0.1', 0)\n"
        "print(listening.getsockname()[1], flush=True)\n"
        "running.run(collect(bundles, page), listening, None)\n"
    )
    command = python("-c", script, page, *bundles)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.kill()


def compare(
    browser: Browser, address: str, bundle: Path, threads: int, rounds: int, blocks: int
) -> dict[str, Any]:
    """Time both sides in turns; see the file's docstring."""
    queries = golden(open_bundle(bundle))["inputs"]["texts"]
    logs: list[Any] = []
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    memory: dict[str, list[float]] = {side: [] for side in SIDES}
    same = 0
    for _ in range(rounds):
        pages = {side: _open(browser, f"{address}{side}.html", bundle, threads) for side in SIDES}
        same = sum(map(_alike, *(_answers(pages[side], queries) for side in SIDES)))
        ratios = []
        for block in range(blocks):
            asked = [queries[(block * QUERIES + i) % len(queries)] for i in range(QUERIES)]
            order = SIDES if block % 2 else SIDES[::-1]
            own = {side: _time(pages[side], asked) for side in order}
            ratios.append(math.log(statistics.median(own["own"]) / statistics.median(own["peer"])))
            for side in SIDES:
                taken[side] += own[side]
        logs.append(np.array(ratios))
        for side, page in pages.items():
            memory[side].append(page.evaluate(_MEMORY))
            page.context.close()
    low, high = nested_interval(logs)
    middle = float(np.median(np.concatenate(logs)))
    return {
        "task": _task(bundle),
        "threads": threads,
        "own_ms": statistics.median(taken["own"]),
        "peer_ms": statistics.median(taken["peer"]),
        "ratio": [math.exp(value) for value in (middle, low, high)],
        "same": f"{same} of {len(queries)}",
        "memory": {side: statistics.median(found) for side, found in memory.items()},
    }


def _task(bundle: Path) -> str:
    answers = open_bundle(bundle).manifest.task == "question-answering"
    return "question-answering" if answers else "feature-extraction"


def _open(browser: Browser, address: str, bundle: Path, threads: int) -> Page:
    page = browser.new_context(bypass_csp=True, service_workers="block").new_page()
    page.set_default_timeout(240_000)
    page.add_init_script(_WATCH)
    page.goto(address)
    page.wait_for_function("globalThis.side !== undefined")
    given = [f"bundles/{bundle.name}/", _task(bundle), threads]
    page.evaluate("([b, t, n]) => side.open(b, t, n)", given)
    return page


def _answers(page: Page, queries: Sequence[Any]) -> list[Any]:
    return [page.evaluate("(q) => side.run(q)", query) for query in queries]


def _time(page: Page, asked: Sequence[Any]) -> list[float]:
    """Return the milliseconds of each query; the first, which finds cold caches, is not counted."""
    found: list[float] = page.evaluate("(q) => time(q)", [asked[-1], *asked])
    return found[1:]


def _alike(own: Any, peer: Any) -> bool:
    """Compare vectors, or texts by their letters: transformers.js spells answers as its tokens."""
    if isinstance(own, str):
        first, second = (re.sub(r"\W+", "", text).lower() for text in (own, peer))
        return first == second
    return bool(np.abs(np.array(own) - np.array(peer)).max() < 1e-3)


def visit(browser: Browser, address: str, times: int) -> dict[str, float]:
    """Return the page's bytes without a model, and the seconds to an answer after a reload."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(240_000)
    seen: set[str] = set()
    context.on("request", lambda request: seen.add(request.url))
    page.goto(address)
    first = _answer(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    weight = sum(_weight(url) for url in seen if "/bundles" not in url)
    warm = []
    for _ in range(times):
        page.reload()
        warm.append(_answer(page))
    context.close()
    return {"bytes": weight, "first_s": first, "warm_s": statistics.median(warm)}


def _weight(url: str) -> int:
    """Return the bytes of a file as it is sent: of a worker's script a browser does not say it."""
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    with urllib.request.urlopen(asked) as reply:
        return len(reply.read())


def _answer(page: Page) -> float:
    """Ask as soon as one can, and return the seconds from the navigation to the answer."""
    page.wait_for_selector(".chip")
    page.locator(".chip").first.click()
    page.wait_for_selector("#answer")
    return float(page.evaluate("performance.now()")) / 1e3


def row(found: Mapping[str, Any]) -> list[str]:
    """Return one comparison's cells."""
    memory = [f"{found['memory'][side] / 1e6:.0f}" for side in SIDES]
    return [
        found["task"], str(found["threads"]), f"{found['own_ms']:.1f}", f"{found['peer_ms']:.1f}",
        "{:.2f} ({:.2f}-{:.2f})".format(*found["ratio"]), found["same"], " / ".join(memory),
    ]  # fmt: skip


def render(document: Mapping[str, Any]) -> str:
    """Write the machine's line, the table, and what was seen of the page."""
    rows = [row(found) for _, found in sorted(document["compared"].items(), reverse=True)]
    said = []
    if found := document.get(PAGE):
        said.append(
            f"The page without a model: {found['bytes'] / 1e6:.2f} MB compressed. First answer "
            f"after a reload: {found['warm_s']:.2f} s; of a first visit: {found['first_s']:.2f} s."
        )
    return "\n\n".join([document["machine"], markdown(COLUMNS, rows), *said])


def measure(browser: Browser, part: str, bundle: Path, threads: Sequence[int], quick: bool) -> Any:
    """Return what one part adds to the document."""
    rounds, blocks, visits = (2, 3, 2) if quick else (ROUNDS, BLOCKS, VISITS)
    with hosted(WEB / ("page" if part == PAGE else "bench") / "dist", bundle) as address:
        if part == PAGE:
            return visit(browser, address, visits)
        return {
            f"{part} {count}": compare(browser, address, bundle, count, rounds, blocks)
            for count in threads
        }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--part", choices=PARTS, action="append", help="by default all")
    options.add_argument("--threads", type=int, action="append", help="by default 1 and 2")
    options.add_argument("--quick", action="store_true", help="two rounds, three blocks")
    arguments = options.parse_args()
    document: dict[str, Any] = {"compared": {}}
    if arguments.json and arguments.json.is_file():
        document = json.loads(arguments.json.read_text(encoding="utf-8"))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        work = arguments.work or Path(temporary)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for part in arguments.part or PARTS:
            embeds = part == "feature-extraction"
            bundle = make_bundle(work) if embeds else export(EMBEDDED, work / "qa", "--int8")
            threads = arguments.threads or (1, 2)
            found = measure(browser, part, bundle, threads, arguments.quick)
            if part == PAGE:
                document[PAGE] = found
            else:
                document["compared"] |= found
        document["machine"] = f"{machine()}; Chromium {browser.version}, headless"
        browser.close()
    print(render(document))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
