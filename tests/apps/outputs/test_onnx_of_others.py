"""``quantize DIR -o OUT``: ONNX that edge-distil did not export, as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest
from command import Command
from tiny import save_checkpoint
from torchscript import export_torchscript

from edge_distil._writing import storage


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("others")
    checkpoint = save_checkpoint(folder / "checkpoint", "distilbert", "text-classification")
    return export_torchscript(checkpoint, folder / "theirs", "text-classification")


@pytest.fixture
def theirs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, "theirs"))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): storage.sha256(path) for path in files}


def test_a_new_bundle_is_made(theirs: Path, edge_distil: Command) -> None:
    before = digests(theirs)
    done = edge_distil("quantize", theirs, "-o", "ours", "--int8", "--no-calibration")
    assert done.status == 0, done.err
    said = " ".join(done.out.split())
    sha = before["model.onnx"]
    assert "not exported by edge-distil: model.onnx of theirs, written by pytorch" in said
    assert f"opset 14, sha256 {sha[:12]}" in said
    assert "others' own export" in said
    assert "cosine to fp32" in said
    assert digests(theirs) == before
    assert edge_distil("run", "ours", "--variant", "int8", "a charming film").status == 0
    assert edge_distil("doctor", "ours", "--no-speed").status == 0
    assert edge_distil("run", theirs, "a charming film").status == 0


def test_it_is_gone_on_with(theirs: Path, edge_distil: Command) -> None:
    """The same line again adds what is not there, and replaces nothing that is."""
    assert edge_distil("quantize", theirs, "-o", "ours", "--fp16").status == 0
    again = edge_distil("quantize", theirs, "-o", "ours", "--weights-only", "--json")
    assert list(json.loads(again.out)["variants"]) == ["fp32", "fp16", "weights-only"]
    once_more = edge_distil("quantize", theirs, "-o", "ours", "--fp16")
    assert once_more.status == 1
    assert "has fp16 already" in once_more.err


def test_nothing_is_written_into_their_directory_unasked(
    theirs: Path, edge_distil: Command
) -> None:
    before = digests(theirs)
    done = edge_distil("quantize", theirs, "--int8")
    said = " ".join(done.err.replace("│", " ").split())
    assert (done.status, done.out) == (2, "")
    assert "theirs is ONNX that edge-distil did not export" in said
    assert "add -o DIR" in said
    assert digests(theirs) == before
    for output in (theirs, "."):
        for force in ([], ["--force"]):
            refused = edge_distil("quantize", theirs, "-o", output, "--int8", *force)
            assert refused.status == 1
            assert "choose another directory" in refused.err
    assert digests(theirs) == before


def test_an_output_is_not_for_a_bundle(tiny: Path, edge_distil: Command, tmp_path: Path) -> None:
    done = edge_distil("quantize", tiny / "fill_mask", "-o", tmp_path / "new", "--fp16")
    said = " ".join(done.err.replace("│", " ").split())
    assert done.status == 2
    assert "is a bundle, to which variants are added" in said
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_quantized_leaves_nothing(theirs: Path, edge_distil: Command) -> None:
    model = onnx.load(theirs / "model.onnx")
    model.graph.node[0].domain = "com.microsoft"
    onnx.save(model, theirs / "model.onnx")
    done = edge_distil("quantize", theirs, "-o", "ours", "--int8")
    assert done.status == 1
    assert len(done.err.strip().splitlines()[-1:]) == 1
    assert "Traceback" not in done.err
    assert not Path("ours").exists()


def test_wrong_data_is_said_before_anything_is_written(theirs: Path, edge_distil: Command) -> None:
    Path("data.txt").write_text("\n")
    done = edge_distil("quantize", theirs, "-o", "ours", "--int8", "--data", "data.txt")
    assert done.status == 1
    assert "data.txt is empty" in done.err
    assert not Path("ours").exists()


def test_an_export_of_it_names_the_line(theirs: Path, edge_distil: Command) -> None:
    done = edge_distil("export", theirs, "-o", "ours")
    assert done.status == 1
    assert "quantize" in done.err
    assert "-o DIR --int8" in done.err
