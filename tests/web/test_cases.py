"""The golden cases in Python, in Node and in Chromium: the same answers, vectors and errors."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import golden_cases
import pytest
from golden_cases import EMBEDDED, best, differences
from served import Site

HERE = Path(__file__).parent
FILES = golden_cases.read()
INT8_STEPS = 0.05  # of a score or a number in a vector: kernels round otherwise
MODULES = HERE.parents[1] / "apps" / "web" / "runtime" / "node_modules"


@pytest.fixture(scope="session")
def bundles(embedded_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The bundle of each file of cases."""
    folder = tmp_path_factory.mktemp("cases")
    return {
        name: golden_cases.prepare(file, folder / name, embedded_bundle)
        for name, file in FILES.items()
    }


@pytest.fixture(scope="session")
def int8(bundles: dict[str, Path]) -> dict[str, Any]:
    """What the Python runtime gives on int8."""
    return {
        name: golden_cases.run_file(file, bundles[name], "int8") for name, file in FILES.items()
    }


def check(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    """Compare results by file and case."""
    compare(found, expected, lambda made, wanted: differences(made, wanted))


def check_int8(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    """Compare the best of each: an activation on the edge between two steps goes either way."""
    compare(
        found,
        expected,
        lambda made, wanted: differences(best(made), best(wanted), tolerance=INT8_STEPS),
    )


def compare(
    found: dict[str, list[Any]],
    expected: dict[str, list[Any]],
    differences: Callable[[Any, Any], list[str]],
) -> None:
    assert set(found) == set(expected)
    wrong = [
        (name, index, FILES[name]["cases"][index]["call"], found_differences[:2])
        for name in expected
        for index, pair in enumerate(zip(found[name], expected[name], strict=True))
        if (found_differences := differences(*pair))
    ]
    assert not wrong, f"{len(wrong)} cases differ: {wrong[:3]}"


def golden() -> dict[str, list[Any]]:
    """What the cases say."""
    return {name: [case["expected"] for case in file["cases"]] for name, file in FILES.items()}


def work(places: dict[str, str], variant: str) -> list[dict[str, Any]]:
    """What a JavaScript runtime is to do: for each file its bundle's place and its cases."""
    return [
        {
            "bundle": places[name], "variant": variant, "use": file.get("task"),
            "cases": file["cases"],
        }
        for name, file in FILES.items()
    ]  # fmt: skip


def in_node(places: dict[str, str], variant: str, runtime: Path) -> dict[str, list[Any]]:
    command = ["node", HERE / "node_cases.mjs", runtime, MODULES]
    run = subprocess.run(
        command, input=json.dumps(work(places, variant)), capture_output=True, text=True, check=True
    )
    return dict(zip(FILES, json.loads(run.stdout), strict=True))


def test_each_bundle_has_cases_that_somebody_else_answered() -> None:
    assert len(FILES) >= 19
    theirs = {
        name for name, f in FILES.items() if any(c["oracle"] != "edge_distil" for c in f["cases"])
    }
    assert {
        "text_classification",
        "ranking",
        "nli",
        "multiple_choice",
        "token_classification",
        "fill_mask",
        "late_interaction",
        "embedding",
        "static_embedding",
        EMBEDDED,
    } <= theirs


@pytest.mark.parametrize("name", sorted(FILES))
def test_python_gives_them(name: str, bundles: dict[str, Path]) -> None:
    found = golden_cases.run_file(FILES[name], bundles[name])
    for made, case in zip(found, FILES[name]["cases"], strict=True):
        assert not differences(made, case["expected"]), case["call"]


@pytest.mark.web
def test_node_gives_them(bundles: dict[str, Path], runtime: Path) -> None:
    check(in_node({name: str(path) for name, path in bundles.items()}, "fp32", runtime), golden())


@pytest.mark.web
def test_node_gives_pythons_answers_on_int8(
    bundles: dict[str, Path], runtime: Path, int8: dict[str, Any]
) -> None:
    found = in_node({name: str(path) for name, path in bundles.items()}, "int8", runtime)
    check_int8(found, int8)


@pytest.fixture(scope="module")
def site(bundles: dict[str, Path], runtime: Path, chromium: Any) -> Any:
    """A page in Chromium that holds the runtime, the engine and the bundles."""
    folders = {"runtime": runtime, "ort": MODULES / "onnxruntime-web" / "dist", "tests": HERE}
    folders |= {f"bundles/{name}": path for name, path in bundles.items()}
    with Site(folders, chromium) as opened:
        yield opened


# The work goes as ASCII: halves of surrogate pairs would not arrive otherwise.
RUN = """async (work) => {
  const ort = await import("/ort/ort.wasm.min.mjs");
  const ed = await import("/runtime/index.js");
  const { runFile } = await import("/tests/run_cases.mjs");
  const results = [];
  for (const file of JSON.parse(work)) {
    results.push(await runFile(ed, ort, file));
  }
  return results;
}"""


@pytest.mark.web
@pytest.mark.browser
@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_chromium_gives_them(site: Site, variant: str, int8: dict[str, Any]) -> None:
    places = {name: f"/bundles/{name}/" for name in FILES}
    results = site.page.evaluate(RUN, json.dumps(work(places, variant)))
    found = dict(zip(FILES, results, strict=True))
    if variant == "int8":
        check_int8(found, int8)
    else:
        check(found, golden())


@pytest.mark.web
@pytest.mark.browser
def test_a_second_load_in_chromium_asks_for_the_manifest_alone(site: Site) -> None:
    load = """async () => {
      const ort = await import("/ort/ort.wasm.min.mjs");
      const ed = await import("/runtime/index.js");
      const model = await ed.load("/bundles/embedding/", { engine: ort, variant: "int8" });
      return [...(await model.encode("a ship"))];
    }"""
    first = site.page.evaluate(load)
    site.asked.clear()
    assert site.page.evaluate(load) == first
    assert [path for path in site.asked if path.startswith("/bundles")] == [
        "/bundles/embedding/edge_distil.json"
    ]
    site.refuse = True
    try:
        assert site.page.evaluate(load) == first
    finally:
        site.refuse = False
