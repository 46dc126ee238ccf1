"""Every program of the JavaScript guide and README runs, and gives what Python gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npm_project import BUNDLES, MODULES, run
from served import Site
from tokenizers import Tokenizer

import edge_distil as ed
from edge_distil.tasks import Embedding, QuestionAnswering

pytestmark = pytest.mark.web
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "javascript.md"
README = GUIDE.parents[2] / "README.md"
PROGRAMS = {
    found[1]: found[0]
    for document in (GUIDE, README)
    for found in re.finditer(
        r"(?<=```js\n)// (\S+)\n.*?(?=```)", document.read_text("utf-8"), re.DOTALL
    )
}
PAIRS = [
    ("Who lives in London?", "The old lighthouse keeper lives in London."),
    ("Where does she live?", "She has lived in Paris for years."),
]
INT8_STEPS = 0.05  # kernels round an activation on the edge between two steps otherwise
# What a bundler does with names.
ADDRESSES = {
    '"onnxruntime-web/wasm"': '"/ort/ort.wasm.min.mjs"',
    '"edge-distil/worker"': '"/runtime/worker/index.js"',
    '"edge-distil"': '"/runtime/index.js"',
}


@pytest.fixture(scope="module")
def qa(tiny: Path) -> QuestionAnswering:
    return QuestionAnswering.load(tiny / BUNDLES["qa"], variant="int8")


def in_node(project: Path, name: str) -> list[str]:
    """Run a program of the guide; return its lines."""
    (project / name).write_text(PROGRAMS[name], encoding="utf-8")
    return run("node", name, cwd=project).splitlines()


def test_no_program_is_left_out() -> None:
    written = GUIDE.read_text("utf-8") + README.read_text("utf-8")
    assert written.count("```js\n") == len(PROGRAMS)
    source = Path(__file__).read_text("utf-8")
    assert [name for name in PROGRAMS if f'{name}"' not in source] == []


def test_answers(project: Path, qa: QuestionAnswering) -> None:
    [line] = in_node(project, "answers.mjs")
    expected = qa(*PAIRS[0])
    *text, score, cut = line.split(" ")
    assert " ".join(text) == expected.text
    assert float(score) == pytest.approx(expected.score, abs=INT8_STEPS)
    assert cut == "true"


def test_readme(project: Path, qa: QuestionAnswering) -> None:
    context = "It was built in 1871 by Marta Lindqvist."
    assert in_node(project, "ask.mjs") == [qa("Who built it?", context).text]


def test_texts_that_are_read_together(project: Path, tiny: Path) -> None:
    [line] = in_node(project, "pairs.mjs")
    passages = ["The sea is cold.", "Ada keeps the light.", "A charming film."]
    reranker = ed.load(tiny / "ranking", task="reranking")
    nli = ed.load(tiny / "nli", task="zero-shot-classification")
    chooser = ed.load(tiny / "multiple_choice", task="multiple-choice")
    expected = [
        reranker("Who keeps the light?", passages)[0],
        nli("My phone is dead.", ["urgent", "not urgent"])[0],
        chooser("She opens the umbrella, for", ["it rains.", "it sings."])[0],
    ]
    for found, best in zip(json.loads(line), expected, strict=True):
        assert found == best._asdict() | {"score": pytest.approx(best.score, abs=1e-5)}


def test_streams_end_when_they_are_told(project: Path) -> None:
    assert in_node(project, "vectors.mjs") == ["1024 enough", "2"]


def test_errors_have_pythons_names(project: Path) -> None:
    assert in_node(project, "errors.mjs") == ["BundleNotFound true", "InputError true"]


def test_tokens(project: Path) -> None:
    [line] = in_node(project, "tokens.mjs")
    text = "Zürich 🚢 lies in Switzerland"
    expected = Tokenizer.from_file(str(project / "qa" / "tokenizer.json")).encode(text)
    assert json.loads(line) == [expected.ids, [text[start:end] for start, end in expected.offsets]]


def test_a_source_of_ones_own(project: Path) -> None:
    engine = project / "node_modules" / "onnxruntime-react-native"
    engine.symlink_to(MODULES / "onnxruntime-node")
    (project / "phone.mjs").write_text(PROGRAMS["phone.mjs"], encoding="utf-8")
    program = (
        'import { readFile } from "node:fs/promises"; import { open } from "./phone.mjs";\n'
        "const model = await open((path) => readFile(`minilm/${path}`));\n"
        'console.log(JSON.stringify([...(await model.encode("a ship"))]));'
    )
    found = json.loads(run("node", "--input-type=module", "-e", program, cwd=project))
    expected = Embedding.load(project / "minilm", variant="int8").encode("a ship")
    assert np.abs(np.array(found) - expected).max() < INT8_STEPS


@pytest.fixture(scope="module")
def site(
    runtime: Path, tiny: Path, chromium: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A site with the guide's programs for browsers, the package, the engine and a bundle."""
    programs = tmp_path_factory.mktemp("guide")
    for name, program in PROGRAMS.items():
        for package, address in ADDRESSES.items():
            program = program.replace(package, address)
        (programs / name).write_text(program, encoding="utf-8")
    folders = {"guide": programs, "runtime": runtime, "ort": MODULES / "onnxruntime-web" / "dist"}
    with Site(folders | {"qa": tiny / BUNDLES["qa"]}, chromium) as opened:
        yield opened


def shown(site: Site, name: str) -> list[str]:
    """Run a program to its end in a fresh page; return the lines that it wrote there."""
    site.page.reload()
    site.page.evaluate("(name) => import(`/guide/${name}`)", name)
    return str(site.page.locator("body").inner_text()).strip().split("\n")


@pytest.mark.browser
def test_a_page(site: Site, qa: QuestionAnswering) -> None:
    *progress, answer = shown(site, "page.js")
    assert float(progress[-1]) == 1
    found, expected = json.loads(answer), qa(*PAIRS[0])
    assert (found["text"], *found["codePoints"]) == (expected.text, expected.start, expected.end)


@pytest.mark.browser
def test_a_worker(site: Site, qa: QuestionAnswering) -> None:
    site.asked.clear()
    assert shown(site, "asks.js") == [qa(*pair).text for pair in PAIRS]
    assert "/guide/worker.js" in site.asked
