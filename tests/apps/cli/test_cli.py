"""The verbs, as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import Command, run_without

import edge_distil as ed
from edge_distil._machine import engines, installation
from edge_distil._writing import storage
from edge_distil.bundle import HASHED_AT_OPEN, write_manifest

OTHERS = engines.available()[1:]  # that `doctor` looks at, where they are installed
VERBS = ("export", "quantize", "run", "embed", "search", "eval", "inspect", "doctor", "distil")


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(verb: str, edge_distil: Command) -> None:
    result = edge_distil(verb, "--help")
    assert result.status == 0
    assert f"edge-distil {verb}" in result.out.replace("\n", " ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("inspect", "x", "--nonsense"),
        ("run", "BUNDLE", "text"),
        ("run", "BUNDLE", "--question", "Who?"),
        ("quantize", "BUNDLE"),
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: tuple[str, ...], edge_distil: Command, tiny: Path
) -> None:
    bundle = str(tiny / "question_answering")
    result = edge_distil(*(bundle if a == "BUNDLE" else a for a in arguments))
    assert result.status == 2
    assert result.out == ""


@pytest.mark.parametrize("flag", ["--top-k", "--top_k"])
def test_dashes_and_underscores_alike(flag: str, edge_distil: Command, tiny: Path) -> None:
    result = edge_distil("run", tiny / "text_classification", "storm", flag, "3", "--json")
    assert len(json.loads(result.out)["items"][0]["results"]) == 3


def test_run_answers_with_the_api_s_answer(edge_distil: Command, tiny: Path) -> None:
    bundle, context = tiny / "question_answering", "Ada lives in London."
    answer = ed.QuestionAnswering.load(bundle)("Who lives?", context)
    result = edge_distil("run", bundle, "-q", "Who lives?", "-c", context, "--json")
    assert json.loads(result.out)["items"][0]["results"] == [answer._asdict()]
    plain = edge_distil("run", bundle, "-q", "Who lives?", "-c", context)
    assert plain.out.split()[1:-1] == answer.text.split()


def test_run_prints_brackets_as_they_are(edge_distil: Command, tiny: Path) -> None:
    assert "[bold]" in edge_distil("run", tiny / "embedding", "storm", "[bold]").out


def test_run_reads_stdin(tiny: Path) -> None:
    command = [sys.executable, "-m", "edge_distil_apps.cli", "run", str(tiny / "fill_mask")]
    run = subprocess.run(
        command, input="the [MASK] .\na [MASK]\n", capture_output=True, text=True, check=True
    )
    assert len(run.stdout.splitlines()) == 10  # five candidates for each mask


def test_embed_writes_the_api_s_vectors(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    texts, output = tmp_path / "texts.txt", tmp_path / "vectors.npy"
    texts.write_text("storm\na charming film\n")
    result = edge_distil("embed", tiny / "embedding", texts, "-o", output, "--json")
    assert json.loads(result.out)["shape"] == [2, 16]
    expected = ed.Embedding.load(tiny / "embedding").encode(["storm", "a charming film"])
    assert np.load(output).tolist() == expected.tolist()


def test_inspect_prints_the_manifest(edge_distil: Command, tiny: Path) -> None:
    bundle = tiny / "embedding"
    result = edge_distil("inspect", bundle, "--json")
    manifest = json.loads((bundle / "edge_distil.json").read_text())
    assert manifest.items() <= json.loads(result.out).items()
    assert "onnx/model.onnx" in edge_distil("inspect", bundle).out


def test_eval_scores_each_variant(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    task = ed.TextClassification.load(tiny / "text_classification")
    texts = ["storm", "a charming film", "old oil lamp", "the cat sat"]
    best = [task(text)[0].label for text in texts]
    data = tmp_path / "data.tsv"
    rows = [f"{t}\t{b}" for t, b in zip(texts, best, strict=True)]
    data.write_text("\n".join(rows) + "\n")
    result = edge_distil("eval", tiny / "text_classification", "--data", data, "--json")
    scores = json.loads(result.out)
    assert scores["fp32"]["metrics"]["accuracy"] == 100
    assert set(scores) == {"fp32", "int8"}
    assert "agreement" in scores["int8"]["fidelity"]


def test_quantize_without_a_flag_names_them_all(edge_distil: Command, tiny: Path) -> None:
    result = edge_distil("quantize", tiny / "fill_mask")
    assert result.status == 2
    for flag in ("--int8", "--weights-only", "--fp16", "--int4", "--ort"):
        assert flag in result.err


def test_quantize_adds_every_variant_that_is_named(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(tiny / "embedding", tmp_path / "embedding"))
    before = list(ed.open_bundle(bundle).manifest.variants)
    result = edge_distil(
        "quantize", bundle, "--weights_only", "--fp16", "--int4", "--ort", "--json"
    )
    named = ["weights-only", "fp16", "int4"]
    variants = json.loads(result.out)["variants"]
    assert list(variants) == [*before, *named, *(f"{name}-ort" for name in named)]
    assert "warning: fp16 is meant for GPU" in result.err.replace("\n", " ")
    assert edge_distil("doctor", bundle).status == 0
    expected = ed.Embedding.load(bundle).encode(["storm"])
    for name in variants:
        assert (ed.Embedding.load(bundle, variant=name).encode(["storm"]) @ expected.T > 0.99).all()


def test_ort_alone_converts_every_onnx_variant(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(tiny / "text_classification", tmp_path / "classes"))
    before = list(ed.open_bundle(bundle).manifest.variants)
    edge_distil("quantize", bundle, "--ort")
    expected = [*before, *(f"{name}-ort" for name in before)]
    assert list(ed.open_bundle(bundle).manifest.variants) == expected
    edge_distil("quantize", bundle, "--ort")  # of what is converted already, nothing more
    assert list(ed.open_bundle(bundle).manifest.variants) == expected


def test_doctor(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    report = json.loads(edge_distil("doctor", tiny / "fill_mask", "--no-speed", "--json").out)
    names = [check["name"] for check in report["checks"]]
    assert names == ["files", "fp32", "int8", *OTHERS]
    assert all(check["ok"] for check in report["checks"])
    assert report["environment"]["cores"] >= 1
    assert report["speeds"] == []
    (tmp_path / "empty").mkdir()
    bad = edge_distil("doctor", tmp_path / "empty")
    assert bad.status == 1
    assert "FAIL bundle" in bad.out


def test_doctor_times_the_variants_and_says_which_to_use(edge_distil: Command, tiny: Path) -> None:
    bundle = tiny / "embedding"
    report = json.loads(edge_distil("doctor", bundle, "--threads", "1", "--json").out)
    timed = [(one["variant"], one["tokens"]) for one in report["speeds"]]
    timed = [one for one in timed if one[0] not in OTHERS]
    lengths = sorted({tokens for _, tokens in timed})
    assert timed == [(variant, tokens) for tokens in lengths for variant in ("fp32", "int8")]
    for one in report["speeds"]:
        for figure in (one["milliseconds"], one["speedup"]):
            assert 0 < figure["low"] <= figure["median"] <= figure["high"]
    advice = report["recommendation"]
    assert advice["reason"].startswith(f"ship {advice['variant']} here")
    shown = edge_distil("doctor", bundle, "--threads", "1").out
    assert "times as fast as fp32" in shown
    assert shown.splitlines()[-1].startswith("ship ")


def test_doctor_does_not_time_what_fails(
    edge_distil: Command, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "available", lambda: ["onnxruntime:fp32"])  # as on most machines
    bundle = shutil.copytree(tiny / "fill_mask", tmp_path / "bundle")
    int8 = bundle / "onnx" / "model_quantized.onnx"
    int8.write_bytes(int8.read_bytes()[:-1])
    report = json.loads(edge_distil("doctor", bundle, "--json").out)
    assert {one["variant"] for one in report["speeds"]} == {"fp32"}
    assert report["recommendation"]["reason"].endswith("was there to compare it with")


@pytest.mark.parametrize("edited", ["fp32", "int8"])
def test_doctor_says_nothing_of_the_processor_where_a_file_was_edited(
    edited: str, edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    bundle = ed.open_bundle(shutil.copytree(tiny / "fill_mask", tmp_path / "bundle"))
    model, entry = bundle.model_path(edited), bundle.manifest.variants[edited]
    graph = onnx.load(model)
    graph.doc_string = " " * HASHED_AT_OPEN  # as large as those that loading does not hash
    onnx.save(graph, model)
    file = storage.record(bundle.path, model)
    write_manifest(bundle.path, bundle.manifest.with_variant(edited, replace(entry, file=file)))
    for weight in graph.graph.initializer:
        numbers = onnx.numpy_helper.to_array(weight)
        if numbers.dtype == np.float32 and numbers.ndim:
            weight.CopyFrom(onnx.numpy_helper.from_array(3 * numbers, weight.name))
    onnx.save(graph, model)
    assert model.stat().st_size == file.bytes
    done = edge_distil("doctor", bundle.path, "--no-speed", "--json")
    assert done.status == 1
    checks = {one["name"]: one for one in json.loads(done.out)["checks"]}
    assert {name for name, one in checks.items() if not one["ok"]} == {"files", edited}
    assert "was edited" in checks[edited]["found"]
    assert ("fp32 failed, so drift" in checks["int8"]["found"]) is (edited == "fp32")
    assert not any("CPU" in one["found"] for one in checks.values())


def test_doctor_says_so_where_the_same_files_give_other_numbers(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    """A manifest that has seen less drift stands for the processor on which int8 was made."""
    bundle = ed.open_bundle(shutil.copytree(tiny / "fill_mask", tmp_path / "bundle"))
    entry = bundle.manifest.variants["int8"]
    evidence = {**entry.evidence, "fidelity": {"max_abs_diff": 0.01}}
    write_manifest(
        bundle.path, bundle.manifest.with_variant("int8", replace(entry, evidence=evidence))
    )
    done = edge_distil("doctor", bundle.path, "--no-speed", "--json")
    assert done.status == 1
    [found] = [one["found"] for one in json.loads(done.out)["checks"] if not one["ok"]]
    assert "for the same files when it was made: this CPU's kernels compute something else" in found


def test_doctor_without_fp32_has_nothing_to_choose_by(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    bundle = shutil.copytree(tiny / "fill_mask", tmp_path / "bundle")
    (bundle / "onnx" / "model.onnx").unlink()
    result = edge_distil("doctor", bundle, "--json")
    assert result.status == 0  # an app ships the one that it loads
    assert json.loads(result.out)["recommendation"] is None


def test_the_extra_that_is_missing_is_named(tmp_path: Path) -> None:
    done = run_without("torch", "export", "x", "-o", tmp_path / "y")
    assert done.status == 1
    assert installation.install("export") in done.err
