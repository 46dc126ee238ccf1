"""Data that cannot be used is refused before anything is made: no half of the work stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import Command
from tiny import save_checkpoint

import edge_distil as ed

# What --data says -> the words of the refusal.
WRONG = {
    "nope.json": "cannot read nope.json (no such file)",
    "empty.tsv": "empty.tsv is empty",
    "conll.txt": "looks like CoNLL",
    "squad.json": "looks like SQuAD JSON",
    "columns.jsonl": "has the columns sentence, label, expected text, label",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a checkpoint, and data of other kinds than it needs."""
    save_checkpoint(tmp_path / "new", "distilbert", "text-classification")
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "conll.txt").write_text("Ada B-PER\nlives O\n")
    (tmp_path / "columns.jsonl").write_text('{"sentence": "a ship", "label": 1}\n')
    question = '{"id": "1", "question": "Who?", "answers": [{"text": "Ada"}]}'
    paragraph = f'{{"context": "Ada did.", "qas": [{question}]}}'
    (tmp_path / "squad.json").write_text(f'{{"data": [{{"paragraphs": [{paragraph}]}}]}}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("data", WRONG)
def test_a_bundle_is_not_left_behind(data: str, edge_distil: Command, folder: Path) -> None:
    flags = ["--int8", "--max-drop", "1"] if data == "conll.txt" else ["--int8"]
    done = edge_distil("export", "new", "-o", "deep/out", *flags, "--data", data)
    assert (done.status, done.out) == (1, "")
    assert WRONG[data] in done.err, done.err
    assert "translating" not in done.err
    assert not (folder / "deep").exists()


def test_no_variant_is_made_before_the_data_is_read(
    edge_distil: Command, tiny: Path, folder: Path
) -> None:
    bundle = shutil.copytree(tiny / "text_classification", folder / "bundle")
    before = sorted(ed.open_bundle(bundle).manifest.variants)
    done = edge_distil("quantize", bundle, "--fp16", "--int8", "--force", "--data", "squad.json")
    assert (done.status, done.out) == (1, "")
    assert "looks like SQuAD JSON" in done.err
    assert sorted(ed.open_bundle(bundle).manifest.variants) == before


@pytest.mark.parametrize("manifest", [True, False])
def test_a_bundle_is_no_checkpoint(
    manifest: bool, edge_distil: Command, tiny: Path, folder: Path
) -> None:
    """And the command that it is told to give is one that works."""
    bundle = shutil.copytree(tiny / "text_classification", folder / "bundle")
    if not manifest:  # as other tools write them
        (bundle / "edge_distil.json").unlink()
    done = edge_distil("export", "bundle", "-o", "out")
    assert (done.status, done.out) == (1, "")
    fault = "bundle is a bundle already" if manifest else "bundle holds ONNX that others exported"
    assert f"{fault}, expected a checkpoint with weights" in done.err
    assert not (folder / "out").exists()
    command = done.err.partition("`edge-distil ")[2].partition("`")[0].replace("DIR", "out")
    more = ("--force",) if manifest else ()
    assert edge_distil(*command.split(), "--no-calibration", *more).status == 0
