"""A frontier from the command line: tiny students, the real exporter, runtime and clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cut_checkpoints
import pytest
import transformers

import edge_distil
from edge_distil.evaluate import evaluate

COMMAND = [sys.executable, "-m", "edge_distil_apps.cli", "distil"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """Return a folder with a tiny teacher and labelled texts."""
    folder = tmp_path_factory.mktemp("frontier")
    cut_checkpoints.checkpoint(folder / "teacher", "WordPiece", "SequenceClassification")
    sentences = [s for text in cut_checkpoints.CORPUS for s in text.split(". ")][:24]
    rows = [f"{sentence}\tLABEL_{i % 2}" for i, sentence in enumerate(sentences)]
    (folder / "data.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_students_are_trained_measured_drawn_and_chosen(files, tmp_path):
    data = files / "data.tsv"
    out = tmp_path / "out"
    options = ["--data", data, "--eval", data, "--epochs", 1, "--threads", 1, "--quick"]
    options += ["--frontier", "--cut-vocabulary", data, "--width", 24, "-o", out, "--json"]
    done = run(files / "teacher", "--layers", "2,1", *options, "--max-mb", 1000)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    points = {(p["model"], p["variant"]): p for p in found["points"]}
    models = ("teacher", "layers-2", "layers-1")
    assert set(points) == {(m, v) for m in models for v in ("fp32", "int8")}
    for (model, variant), point in points.items():
        task = edge_distil.load(out / "bundles" / model, variant=variant)
        assert point["score"] == pytest.approx(evaluate(task, data).metrics["accuracy"])
        record = task.bundle.manifest.variants[variant].file
        assert point["bytes"] == record.bytes
    config = transformers.AutoConfig.from_pretrained(out / "students" / "layers-1")
    whole = transformers.AutoConfig.from_pretrained(files / "teacher")
    assert (config.num_hidden_layers, config.intermediate_size) == (1, 24)
    assert config.vocab_size < whole.vocab_size
    measured = json.loads((out / "measurements.json").read_text(encoding="utf-8"))
    [asked] = measured["inputs"]
    assert asked["description"].endswith("of data.tsv")
    cut = transformers.AutoTokenizer.from_pretrained(out / "students" / "layers-1")
    texts = [row.split("\t")[0] for row in data.read_text(encoding="utf-8").splitlines()[1:]]
    assert sorted(asked["tokens"]) == sorted(map(len, cut(list(dict.fromkeys(texts)))["input_ids"]))
    assert "Students of teacher" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "frontier.svg").read_text(encoding="utf-8").startswith("<svg")

    # once more: nothing is made again, and other limits choose anew
    stamps = {p: p.stat().st_mtime_ns for p in out.glob("*/*/*.safetensors")}
    again = run(files / "teacher", "--layers", "2,1", *options, "--max-ms", 1e-6)
    assert again.returncode == 1
    assert "there are no students that take at most 1e-06 ms" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in out.glob("*/*/*.safetensors")} == stamps
    assert "there are no students" in (out / "report.html").read_text(encoding="utf-8")
    other = run(files / "teacher", "--layers", "2", *options, "--seed", 1)
    assert other.returncode == 1
    assert "another teacher, data or recipe" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers", "3,2"], "give --frontier, or one number"),
        (["--layers", "x"], "expected numbers such as 3 or 6,4,3,2"),
        (["--layers", "0"], "expected numbers such as 3 or 6,4,3,2"),
        (["--layers", "3", "--frontier"], "needs --eval FILE"),
        (["--layers", "3", "--max-ms", "3"], "go with --frontier"),
        (["--layers", "3", "--outside", "drop"], "is not one of refuse, map"),
        (["--layers", "3", "--width", "9", "--student", "s"], "leave --student out"),
        (["--layers", "3", "--frontier", "--eval", "e", "--force"], "go with one student"),
    ],
)
def test_wrong_usage(arguments, message, tmp_path):
    done = run("teacher", "--data", "d.json", "-o", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
