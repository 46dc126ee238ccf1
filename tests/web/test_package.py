"""The npm package in an empty project: the README's example runs, and its types are strict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from npm_project import MODULES, RUNTIME, run

TYPED = """
import type { Answer } from "edge-distil";
import { load as open, QuestionAnswering, type Embedding } from "edge-distil";
import { Tokenizer } from "edge-distil/tokenizer";
import { host, loadInWorker } from "edge-distil/worker";
const asked = await open<QuestionAnswering>("qa/", { engine: ort });
const typed: Answer = await asked.run("Who?", "Ada.", { maxAnswerLen: 3 });
const model = await open<Embedding>("m/", { engine: ort });
const bytes: Int8Array[] = await model.encode(["a"], { precision: "int8" });
// @ts-expect-error a misspelt option
await asked.run("Who?", "Ada.", { maxAnswerLength: 3 });
export { typed, bytes, host, loadInWorker, Tokenizer };
"""


def example() -> str:
    found = re.search(r"```js\n(.*?)```", (RUNTIME / "README.md").read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.mark.web
def test_the_readmes_example_runs(project: Path) -> None:
    (project / "example.js").write_text(example(), encoding="utf-8")
    lines = run("node", "example.js", cwd=project).splitlines()
    assert lines[0].endswith("true")
    assert "Float32Array(2)" in " ".join(lines[1:])


@pytest.mark.web
def test_types_are_strict(project: Path) -> None:
    (project / "typed.ts").write_text(
        f'import * as ort from "onnxruntime-node";\n{TYPED}', encoding="utf-8"
    )
    compiler = MODULES / "typescript" / "bin" / "tsc"
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"]
    run("node", compiler, *options, "--exactOptionalPropertyTypes", "typed.ts", cwd=project)


@pytest.mark.web
def test_the_package_holds_what_it_needs(project: Path) -> None:
    package = project / "node_modules" / "edge-distil"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {"LICENSE", "README.md", "dist/index.js", "dist/worker/index.d.ts"} <= files
    assert all(re.fullmatch(r"dist/.*\.(js|d\.ts)|[A-Za-z.]+", file) for file in files), files
