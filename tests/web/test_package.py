"""The npm package in an empty project: the README's example runs, and its types are strict."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RUNTIME = REPOSITORY / "apps" / "web" / "runtime"
MODULES = RUNTIME / "node_modules"
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


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(runtime: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that installed the package from its file, without a registry."""
    packed = tmp_path_factory.mktemp("packed")
    for name in ("package.json", "README.md", "LICENSE"):
        shutil.copy(RUNTIME / name, packed)
    shutil.copytree(runtime, packed / "dist", ignore=shutil.ignore_patterns("package.json"))
    folder = tmp_path_factory.mktemp("project")
    for source in (packed, MODULES / "onnxruntime-common"):
        run("npm", "pack", "--ignore-scripts", "--pack-destination", folder, cwd=source)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    files = [f"./{path.name}" for path in sorted(folder.glob("*.tgz"))]
    run("npm", "install", "--offline", "--no-audit", "--no-fund", *files, cwd=folder)
    for name in ("onnxruntime-node", "@types", "undici-types"):
        (folder / "node_modules" / name).symlink_to(MODULES / name)
    for name, bundle in (("qa", "question_answering"), ("minilm", "embedding")):
        shutil.copytree(tiny / bundle, folder / name)
    return folder


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
