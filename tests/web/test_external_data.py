"""Weights in a second file: read from a folder of this machine, refused from anywhere else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from test_cases import MODULES

from edge_distil._writing import storage

PROGRAM = """
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
const [runtime, modules, bundle, whole] = process.argv.slice(2);
const engine = createRequire(`${modules}/`)("onnxruntime-node");
const { load } = await import(`file://${runtime}/index.js`);
const said = async (from) => (await (await load(from, { engine })).run("Paris is [MASK]."))[0];
const name = (call) => call().then(() => "nothing", (e) => `${e.name}: ${e.message}`);
const all = readdirSync(bundle, { recursive: true, withFileTypes: true });
const files = all.filter((file) => file.isFile());
const bytes = Object.fromEntries(files.map((file) => {
  const path = `${file.parentPath}/${file.name}`;
  return [path.slice(bundle.length + 1), readFileSync(path)];
}));
const apart = await said(bundle);
const inBytes = await load(bytes, { engine });
console.log(JSON.stringify({
  equal: JSON.stringify(apart) === JSON.stringify(await said(whole)),
  usual: inBytes.variant,
  refused: await name(() => load(bytes, { engine, variant: "fp32" })),
}));
"""


@pytest.mark.web
def test_a_folder_gives_the_same_and_bytes_say_why_not(
    tiny_copy: Callable[[str], Path], tiny: Path, runtime: Path, tmp_path: Path
) -> None:
    bundle = tiny_copy("fill_mask")
    model = bundle / "onnx" / "model.onnx"
    onnx.save_model(
        onnx.load(model), model, save_as_external_data=True, location="model.onnx_data",
        size_threshold=1024,
    )  # fmt: skip
    path = bundle / "edge_distil.json"
    manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    fp32 = manifest["variants"]["fp32"]
    fp32["file"] = vars(storage.record(bundle, model))
    fp32["parts"] = [vars(storage.record(bundle, model.with_name("model.onnx_data")))]
    path.write_text(json.dumps(manifest), "utf-8")
    program = tmp_path / "program.mjs"
    program.write_text(PROGRAM, "utf-8")
    command = ["node", program, runtime, MODULES, bundle, tiny / "fill_mask"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["equal"]
    assert found["usual"] == "int8"
    assert "'fp32' in a second file" in found["refused"]
    assert found["refused"].startswith("VariantMissing")

    with model.with_name("model.onnx_data").open("ab") as file:
        file.write(b"x")
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "model.onnx_data has" in run.stderr
