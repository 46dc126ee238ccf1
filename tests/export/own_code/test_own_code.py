"""Models that are Python code beside the weights: run where that is allowed, and never else."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
import tiny
import torch
import transformers
from originals import TEXTS, edit

import edge_distil as ed
from edge_distil.errors import CheckpointError, EdgeDistilError
from edge_distil_export import export_bundle

pytestmark = pytest.mark.wide

CODE = Path(__file__).parent / "encoder"
TOLERANCE = 1e-5
KINDS = {
    "AutoModel": "StrangerModel",
    "AutoModelForMaskedLM": "StrangerForMaskedLM",
    "AutoModelForSequenceClassification": "StrangerForSequenceClassification",
}
WHAT_RUNS = r"\(configuration_stranger\.py, modeling_stranger\.py\)"
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """(auto class, **configuration) -> a checkpoint as its maker saves it."""
    import transformers.dynamic_module_utils as modules

    monkeypatch.setattr(modules, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "modules"), *sys.path])
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        monkeypatch.delitem(sys.modules, name)

    def build(auto: str = "AutoModel", **options: Any) -> Path:
        folder = tmp_path / "stranger"
        tokenizer = tiny.fast_tokenizer("bert", model_max_length=64)
        tokenizer.save_pretrained(folder)
        for file in CODE.glob("*.py"):
            shutil.copyfile(file, folder / file.name)
        edit(
            folder / "config.json", model_type="stranger", vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id, architectures=[KINDS[auto]],
            auto_map={"AutoConfig": "configuration_stranger.StrangerConfig"}
            | {key: f"modeling_stranger.{name}" for key, name in KINDS.items()},
            **options,
        )  # fmt: skip
        code = {"trust_remote_code": True, "local_files_only": True}
        config = transformers.AutoConfig.from_pretrained(folder, **code)
        torch.manual_seed(5)
        model = getattr(transformers, auto).from_config(config, trust_remote_code=True)
        kept = (folder / "config.json").read_text("utf-8")
        model.eval().save_pretrained(folder)
        (folder / "config.json").write_text(kept, "utf-8")
        return folder

    return build


def cosine(a: Any, b: Any) -> float:
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("kind", ["rotary", pytest.param("alibi", marks=pytest.mark.slow)])
def test_vectors_are_those_of_sentence_transformers(kind: str, make: Make, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = make(position_kind=kind)
    bundle = export_bundle(
        folder, tmp_path / "out", task="sentence-similarity", trust_remote_code=True
    )
    library = SentenceTransformer(
        str(folder), device="cpu", trust_remote_code=True, local_files_only=True
    )
    library.max_seq_length = 64
    want = library.encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(ed.load(bundle.path).encode(TEXTS), want, rtol=0, atol=TOLERANCE)
    assert not list(bundle.path.rglob("*.py"))
    small = ed.load(shelf.quantize(bundle).path, variant="int8").encode(TEXTS)
    assert min(cosine(*pair) for pair in zip(small, want, strict=True)) > 0.995


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rotary", "alibi"])
def test_labels_are_those_of_transformers(kind: str, make: Make, tmp_path: Path) -> None:
    """The task is told from auto_map, for no library knows the class."""
    auto = "AutoModelForSequenceClassification"
    folder = make(auto, position_kind=kind, num_labels=3)
    bundle = export_bundle(folder, tmp_path / "out", trust_remote_code=True)
    assert bundle.manifest.task == "text-classification"
    run = transformers.pipeline(
        "text-classification", model=str(folder), device="cpu", trust_remote_code=True
    )
    for text in TEXTS[:3]:
        want = {row["label"]: row["score"] for row in run(text, top_k=None)}
        found = {label.label: label.score for label in ed.load(bundle.path)(text, top_k=None)}
        assert found == pytest.approx(want, abs=TOLERANCE)


@pytest.mark.slow
def test_masks_are_filled_as_transformers_does(make: Make, tmp_path: Path) -> None:
    folder = make("AutoModelForMaskedLM")
    bundle = export_bundle(folder, tmp_path / "out", trust_remote_code=True)
    assert bundle.manifest.task == "fill-mask"
    text = "Ada lived in [MASK]."
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True)
    with torch.inference_mode():
        logits = model.eval()(**tokenizer(text, return_tensors="pt")).logits[0]
    place = tokenizer(text)["input_ids"].index(tokenizer.mask_token_id)
    best = logits[place].softmax(-1).topk(5)
    found = ed.load(bundle.path)(text)
    assert [one.score for one in found] == pytest.approx(best.values.tolist(), abs=TOLERANCE)


@pytest.fixture
def trap(make: Make, tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint whose code leaves a mark when it runs, and the mark."""
    folder, mark = make(), tmp_path / "mark"
    for file in (*CODE.glob("*.py"), CODE / "tokenization_stranger.py"):
        text = file.read_text("utf-8") if file.is_file() else ""
        (folder / file.name).write_text(f"open({str(mark)!r}, 'w').close()\n{text}", "utf-8")
    return folder, mark


@pytest.mark.parametrize("task", [None, "sentence-similarity"])
def test_code_does_not_run_unasked(
    task: str | None, trap: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, mark = trap
    with pytest.raises(CheckpointError, match=f"needs Python code of its own {WHAT_RUNS}") as got:
        export_bundle(folder, tmp_path / "out", task=task)
    assert str(got.value).endswith("read that code, then pass --trust-remote-code")
    assert "\n" not in str(got.value)
    assert not mark.exists()
    assert not (tmp_path / "out").exists()
    transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert mark.exists()  # so the trap is one


def test_a_tokenizer_of_own_code_does_not_run_unasked(
    trap: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, mark = trap
    tiny.save_checkpoint(tmp_path / "bert", "bert", "fill-mask")
    own = {"AutoTokenizer": [None, "tokenization_stranger.StrangerTokenizer"]}
    edit(tmp_path / "bert" / "tokenizer_config.json", tokenizer_class="Stranger", auto_map=own)
    shutil.copyfile(
        folder / "tokenization_stranger.py", tmp_path / "bert" / "tokenization_stranger.py"
    )
    (tmp_path / "bert" / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="bert's tokenizer cannot be loaded") as caught:
        export_bundle(tmp_path / "bert", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_code_in_another_repository_is_named(make: Make, tmp_path: Path) -> None:
    folder = make()
    there = {"AutoConfig": "settings.Config", "AutoModel": "modeling.StrangerModel"}
    there = {auto: f"owner/code--{name}" for auto, name in there.items()}
    edit(folder / "config.json", auto_map=there)
    with pytest.raises(CheckpointError, match=r"\(owner/code--settings\.py, owner/code--model"):
        export_bundle(folder, tmp_path / "out")


@pytest.mark.parametrize(
    "call",
    ["load", "inspect", *(pytest.param(c, marks=pytest.mark.slow) for c in ("doctor", "run"))],
)
def test_nothing_else_runs_code(call: str, trap: tuple[Path, Path]) -> None:
    folder, mark = trap
    if call == "load":
        with pytest.raises(EdgeDistilError):
            ed.load(folder)
    else:
        more = ["text"] if call == "run" else []
        command = [sys.executable, "-P", "-m", "edge_distil_apps.cli", call, str(folder), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
    assert not mark.exists()


def test_a_map_that_is_none(make: Make, tmp_path: Path) -> None:
    """What config.json says is a stranger's: it may be anything."""
    folder = make()
    for wrong in (
        [],
        "x",
        {"AutoModel": 5},
        {"AutoModel": ["x" * 500]},
        {"AutoModel": "\x1b[2J.X"},
    ):
        edit(folder / "config.json", auto_map=wrong)
        with pytest.raises(EdgeDistilError) as caught:
            export_bundle(folder, tmp_path / "out")
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)
        assert not (tmp_path / "out").exists()
    assert json.loads((folder / "config.json").read_text("utf-8"))
