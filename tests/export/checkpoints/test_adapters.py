"""An adapter beside the full weights: merged where peft is installed, else refused.

peft is in no extra. `test_where_peft_is_installed` puts it beside this environment's packages and
runs the others there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import edge_distil as ed
from edge_distil.errors import CheckpointError
from edge_distil_export import export_bundle
from environments import REQUIREMENTS, ensure, home, stamp_of

TOLERANCE = 1e-5
TEXT = "Paris is the capital of France"
SECONDS = 900
HAS_PEFT = importlib.util.find_spec("peft") is not None
with_peft = pytest.mark.skipif(not HAS_PEFT, reason="run by test_where_peft_is_installed")
without_peft = pytest.mark.skipif(HAS_PEFT, reason="peft is installed")


@pytest.fixture
def model(checkpoint: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint("bert", "text-classification"), tmp_path / "model"))


def adapt(folder: Path, **options: Any) -> None:
    """Save an adapter of peft beside a checkpoint, none of its weights zero."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import peft

        kind = options.pop("kind", "LoraConfig")
        base = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        config = getattr(peft, kind)(task_type="SEQ_CLS", **options)
        adapted = peft.get_peft_model(base, config)
        torch.manual_seed(5)
        for weight in adapted.parameters():
            if weight.requires_grad:
                torch.nn.init.normal_(weight, std=0.3)
        adapted.save_pretrained(folder)


def probabilities(folder: Path, base: Path) -> list[float]:
    """Return what peft computes, its adapter beside the weights of `base`, unmerged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import peft

        model = transformers.AutoModelForSequenceClassification.from_pretrained(base)
        theirs = peft.PeftModel.from_pretrained(model, folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = theirs(**tokenizer(TEXT, return_tensors="pt")).logits[0]
    return [float(score) for score in logits.softmax(-1)]


@without_peft
@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_without_peft_both_remedies_are_named(suffix: str, model: Path, tmp_path: Path) -> None:
    (model / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (model / f"adapter_model.{suffix}").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"pip install peft, or merge it") as caught:
        export_bundle(model, tmp_path / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_half_an_adapter_is_refused(name: str, model: Path, tmp_path: Path) -> None:
    (model / name).write_text("{}")
    with pytest.raises(CheckpointError, match=f"holds {name} alone"):
        export_bundle(model, tmp_path / "out")


ADAPTERS: dict[str, dict[str, Any]] = {
    "lora": {"r": 4, "lora_alpha": 16, "target_modules": ["query", "value"]},
    "rank-stabilised, all layers": {"r": 4, "use_rslora": True, "target_modules": "all-linear"},
    "dora": {"r": 4, "use_dora": True, "target_modules": ["dense"]},
    "with an embedding": {"r": 4, "target_modules": ["word_embeddings", "key"]},
    "ia3": {
        "kind": "IA3Config",
        "target_modules": ["key", "value", "output.dense"],
        "feedforward_modules": ["output.dense"],
    },
}


@with_peft
@pytest.mark.parametrize("kind", ADAPTERS)
def test_merged_as_peft_applies_it(
    kind: str, model: Path, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    base = checkpoint("bert", "text-classification")
    before = dict(ed.TextClassification.load(export_bundle(base, tmp_path / "b").path)(TEXT))
    adapt(model, **dict(ADAPTERS[kind]))
    expected = probabilities(model, base)
    bundle = export_bundle(model, tmp_path / "out")
    found = dict(ed.TextClassification.load(bundle.path)(TEXT, top_k=None))
    names = bundle.manifest.labels
    assert [found[name] for name in names] == pytest.approx(expected, abs=TOLERANCE)
    assert any(abs(found[name] - score) > 1e-3 for name, score in before.items())
    assert not list(bundle.path.rglob("adapter*"))


@with_peft
def test_a_head_that_the_adapter_alone_has(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    base = checkpoint("bert", "feature-extraction")
    folder = Path(shutil.copytree(base, tmp_path / "model"))
    adapt(folder, **ADAPTERS["lora"])
    bundle = export_bundle(folder, tmp_path / "out", task="text-classification")
    found = dict(ed.TextClassification.load(bundle.path)(TEXT, top_k=None))
    expected = probabilities(folder, base)
    assert [found[name] for name in bundle.manifest.labels] == pytest.approx(
        expected, abs=TOLERANCE
    )


@with_peft
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "PrefixTuningConfig", "num_virtual_tokens": 3}, "PREFIX_TUNING.* puts vectors"),
        ({"kind": "PromptTuningConfig", "num_virtual_tokens": 3}, "PROMPT_TUNING.* puts vectors"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    options: dict[str, Any], message: str, model: Path, tmp_path: Path
) -> None:
    adapt(model, **options)
    with pytest.raises(CheckpointError, match=message):
        export_bundle(model, tmp_path / "out")


@with_peft
def test_a_weight_that_peft_itself_does_not_read(model: Path, tmp_path: Path) -> None:
    adapt(model, r=4, bias="all", target_modules=["query"])  # and saves the head's bias twice
    with pytest.raises(CheckpointError, match="other weights than adapter_config"):
        export_bundle(model, tmp_path / "out")


@with_peft
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": 8}, "cannot be merged"),
        ({"target_modules": ["query", "value", "key"]}, "other weights than adapter_config"),
        ({"target_modules": ["query"]}, "other weights than adapter_config"),
        ({"target_modules": ["elsewhere"]}, "cannot be merged"),
        ({"peft_type": "NEWEST"}, "none that peft reads"),
        ({"peft_type": None}, "none that peft reads"),
    ],
)
def test_an_adapter_that_does_not_fit(
    change: dict[str, Any], message: str, model: Path, tmp_path: Path
) -> None:
    adapt(model, **ADAPTERS["lora"])
    file = model / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(CheckpointError, match=message) as caught:
        export_bundle(model, tmp_path / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@without_peft
def test_where_peft_is_installed() -> None:
    requirements = REQUIREMENTS / "peft.txt"
    folder = home() / "peft"

    def install() -> None:
        options = ["--quiet", "--no-deps", "--target", str(folder), "-r", str(requirements)]
        subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)

    ensure(folder, stamp_of([requirements], sys.version), install)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", __file__]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "17 passed" in done.stdout
