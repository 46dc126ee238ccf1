"""ONNX that torch's first exporter wrote, made a bundle and quantized, beside transformers itself.

The fp32 outputs are those of onnxruntime on the file as it was exported, the answers those of the
checkpoint in PyTorch.
"""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
import transformers
from originals import TEXTS, library
from same_bits import WORDS, differences
from tiny import save_sentence_model
from torchscript import export_torchscript, open_model

import edge_distil as ed
from edge_distil._writing import storage
from edge_distil_export import adopt_onnx
from edge_distil_quantize import quantize_bundle

EXACT = 1e-4  # PyTorch and onnxruntime add up in other orders
pytestmark = pytest.mark.slow  # tests/apps/outputs/test_onnx_of_others.py goes the whole way in CI
LEAST_COSINE = 0.995  # of a text's logits or tokens: tiny random models have little to average over
LEAST_OF = {"int4": 0.9, "int8-static": 0.97}
VECTORS = 0.998  # mean cosine of sentence vectors, as issue and documents promise it

# Family, task, opset, attention: each family and each head, old and new graphs of them.
CASES = [
    ("bert", "question-answering", 11, "eager"),
    ("bert", "token-classification", 14, "sdpa"),
    ("distilbert", "text-classification", 14, "eager"),
    ("distilbert", "fill-mask", 17, "sdpa"),
    ("roberta", "question-answering", 18, "eager"),
    ("roberta", "text-classification", 13, "eager"),
    ("mpnet", "token-classification", 14, "eager"),
    ("electra", "text-classification", 14, "sdpa"),
    ("albert", "question-answering", 14, "eager"),
    ("xlm-roberta", "token-classification", 16, "eager"),
]


@pytest.fixture(scope="session")
def foreign(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """(family, task, opset, attention) -> a directory of others; never changed."""
    made: dict[tuple[Any, ...], Path] = {}

    def make(family: str, task: str, opset: int = 14, attention: str = "eager") -> Path:
        key = (family, task, opset, attention)
        if key not in made:
            folder = tmp_path_factory.mktemp("foreign") / f"{family}-onnx"
            made[key] = export_torchscript(
                checkpoint(family, task), folder, task, opset=opset, attention=attention
            )
        return made[key]

    return make


def run(model: Path, feeds: dict[str, Any]) -> list[np.ndarray]:
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return [np.asarray(found) for found in session.run(None, {name: feeds[name] for name in names})]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): storage.sha256(path) for path in files}


@pytest.mark.parametrize(("family", "task", "opset", "attention"), CASES)
def test_int8_is_near_the_checkpoint(
    family: str,
    task: str,
    opset: int,
    attention: str,
    foreign: Callable[..., Path],
    checkpoint: Callable[..., Path],
    tmp_path: Path,
) -> None:
    folder = foreign(family, task, opset, attention)
    before = digests(folder)
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8")
    assert digests(folder) == before
    assert bundle.manifest.variants["fp32"].file.sha256 == before["model.onnx"]
    assert bundle.manifest.task == task

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint(family, task))
    model = open_model(checkpoint(family, task), task)
    for text in (text for text in TEXTS if len(text) > 1):
        inputs = tokenizer(text, truncation=True, max_length=60, return_tensors="pt")
        with torch.inference_mode():
            found = model(**inputs)
        feeds = {name: tensor.numpy() for name, tensor in inputs.items()}
        feeds.setdefault("token_type_ids", np.zeros_like(feeds["input_ids"]))
        exact = run(folder / "model.onnx", feeds)
        for mine, theirs, wanted in zip(
            run(bundle.model_path("int8"), feeds), exact, found.to_tuple(), strict=True
        ):
            np.testing.assert_allclose(theirs, wanted.numpy(), rtol=0, atol=EXACT)
            assert cosine(mine, theirs) > LEAST_COSINE
    # the patterns that calibration looks for were found in their graph
    found = bundle.manifest.variants["int8"].settings["calibration"]
    assert found["layer_norms_smoothed"] >= (1 if family == "albert" else 2)
    operators = bundle.manifest.variants["int8"].operators
    assert operators["LayerNormalization"] >= 4
    assert operators["MatMulInteger"] >= 6


@pytest.mark.parametrize("recipe", ["int8-static", "weights-only", "fp16", "int4"])
@pytest.mark.parametrize(("opset", "attention"), [(11, "eager"), (14, "sdpa"), (17, "eager")])
def test_every_recipe(
    recipe: str, opset: int, attention: str, foreign: Callable[..., Path], tmp_path: Path
) -> None:
    folder = foreign("bert", "token-classification", opset, attention)
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), recipe)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for text in TEXTS[:2]:
        feeds = dict(tokenizer(text, return_tensors="np"))
        [mine], [theirs] = (
            run(model, feeds) for model in (bundle.model_path(recipe), folder / "model.onnx")
        )
        assert cosine(mine, theirs) > LEAST_OF.get(recipe, LEAST_COSINE)
    fidelity = bundle.manifest.variants[recipe].evidence["fidelity"]
    assert fidelity["mean_cosine"] > LEAST_OF.get(recipe, LEAST_COSINE)


@pytest.mark.parametrize("layout", ["model.onnx", "onnx/model.onnx"])
def test_sentence_vectors(layout: str, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    """optimum's layout and the Hub's; pooled by us, compared with sentence-transformers."""
    base = checkpoint("bert", "feature-extraction")
    source = save_sentence_model(tmp_path / "st", base, "mean", normalize=True, dense=False)
    folder = export_torchscript(
        source, tmp_path / "onnx-of-others", "feature-extraction", file=layout, attention="sdpa"
    )
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8")
    assert bundle.manifest.task == "sentence-similarity"
    assert bundle.manifest.outputs == ("last_hidden_state",)
    want = np.stack([library(source).encode(text) for text in TEXTS])
    np.testing.assert_allclose(
        ed.load(bundle.path, variant="fp32").encode(TEXTS), want, rtol=0, atol=EXACT
    )
    found = ed.load(bundle.path, variant="int8").encode(TEXTS)
    assert (found * want).sum(1).mean() >= VECTORS


@pytest.mark.parametrize(
    ("family", "task"),
    [("bert", "question-answering"), ("distilbert", "text-classification"),
     ("mpnet", "token-classification")],
)  # fmt: skip
def test_no_company_moves_a_bit(
    family: str, task: str, foreign: Callable[..., Path], tmp_path: Path
) -> None:
    bundle = adopt_onnx(foreign(family, task), tmp_path / "bundle")
    bundle = quantize_bundle(bundle, "int8", calibrate=False)
    evidence = bundle.manifest.variants["int8"].evidence
    assert evidence["company"]["same_bits"] is True
    assert evidence["batch_invariant"] == "a token's scale depends on that token alone"
    chance = random.Random(4)
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(0, 12))) for _ in range(24)]
    for variant in ("fp32", "int8"):
        assert differences(ed.load(bundle.path, variant=variant), texts, chance) == []


def test_a_graph_whose_sums_depend_on_company_says_so(
    foreign: Callable[..., Path], tmp_path: Path
) -> None:
    """Such as onnxruntime's own dynamic quantization; here a scale over the whole batch."""
    folder = shutil.copytree(foreign("bert", "token-classification"), tmp_path / "theirs")
    model = onnx.load(folder / "model.onnx")
    for node in model.graph.node:
        node.output[:] = ["logits.own" if name == "logits" else name for name in node.output]
    model.graph.node.append(
        onnx.helper.make_node("ReduceMax", ["logits.own"], ["greatest"], keepdims=1)
    )
    model.graph.node.append(onnx.helper.make_node("Div", ["logits.own", "greatest"], ["logits"]))
    onnx.save(model, folder / "model.onnx")
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "b"), "int8", calibrate=False)
    evidence = bundle.manifest.variants["int8"].evidence
    assert evidence["company"]["same_bits"] is False
    assert "batch_invariant" not in evidence


def test_the_manifest_says_where_it_comes_from(
    foreign: Callable[..., Path], tmp_path: Path
) -> None:
    folder = foreign("bert", "question-answering", 11)
    manifest = adopt_onnx(folder, tmp_path / "bundle").manifest
    settings = manifest.variants["fp32"].settings
    assert settings["origin"] == "not exported by edge-distil"
    assert settings["opset"] == 11
    assert settings["producer"] == f"pytorch {torch.__version__.split('+')[0]}"
    assert settings["from"]["directory"] == "bert-onnx"
    recorded = {file["path"]: file["sha256"] for file in settings["from"]["files"]}
    found = digests(folder)
    assert recorded == {name: found[name] for name in recorded}
    assert {"model.onnx", "config.json", "tokenizer.json"} <= recorded.keys()
    assert str(folder.parent) not in (tmp_path / "bundle" / "edge_distil.json").read_text()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for probe in manifest.golden:
        assert probe.ids == tuple(tokenizer(probe.text)["input_ids"])
    ed.open_bundle(tmp_path / "bundle", verify=True)


def test_an_encoder_of_a_checkpoint_with_a_head(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    """``optimum-cli export onnx --task feature-extraction`` leaves the class in config.json."""
    source, task = checkpoint("distilbert", "fill-mask"), "feature-extraction"
    folder = export_torchscript(source, tmp_path / "theirs", task)
    said: list[str] = []
    bundle = adopt_onnx(folder, tmp_path / "bundle", progress=said.append)
    assert "warning: config.json says fill-mask, the graph gives hidden states" in "".join(said)
    assert bundle.manifest.task == task
    bundle = quantize_bundle(bundle, "int8", calibrate=False)
    inputs = transformers.AutoTokenizer.from_pretrained(source)(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        want = open_model(source, task)(**inputs).last_hidden_state.numpy()
    feeds = {name: tensor.numpy() for name, tensor in inputs.items()}
    assert cosine(run(bundle.model_path("int8"), feeds)[0], want) > LEAST_COSINE
    assert ed.load(bundle.path).encode(TEXTS).shape == (len(TEXTS), want.shape[-1])


def test_inputs_of_32_bits(foreign: Callable[..., Path], tmp_path: Path) -> None:
    folder = shutil.copytree(foreign("roberta", "question-answering", 18), tmp_path / "theirs")
    model = onnx.load(folder / "model.onnx")
    for tensor in model.graph.input:
        for node in model.graph.node:
            node.input[:] = [f"{n}_64" if n == tensor.name else n for n in node.input]
        tensor.type.tensor_type.elem_type = onnx.TensorProto.INT32
        cast = onnx.helper.make_node(
            "Cast", [tensor.name], [f"{tensor.name}_64"], to=onnx.TensorProto.INT64
        )
        model.graph.node.insert(0, cast)
    onnx.save(model, folder / "model.onnx")
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8")
    assert bundle.manifest.variants["int8"].evidence["fidelity"]["mean_cosine"] > LEAST_COSINE
    exact, found = (
        ed.load(bundle.path, variant=v)("Who sleeps?", "The dog sleeps.") for v in ("fp32", "int8")
    )
    assert found.text == exact.text


def test_weights_outside_of_the_file_are_put_into_it(
    foreign: Callable[..., Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(foreign("bert", "token-classification"), tmp_path / "theirs")
    model = onnx.load(folder / "model.onnx")
    (folder / "model.onnx").unlink()
    onnx.save(
        model, folder / "model.onnx", save_as_external_data=True, size_threshold=1000,
        location="model.onnx_data",
    )  # fmt: skip
    before = digests(folder)
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8", calibrate=False)
    assert digests(folder) == before
    assert not list(bundle.path.rglob("*_data"))
    ed.open_bundle(bundle.path, verify=True)
    recorded = bundle.manifest.variants["fp32"].settings["from"]["files"]
    assert {"model.onnx", "model.onnx_data"} <= {file["path"] for file in recorded}
    feeds = dict(transformers.AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="np"))
    theirs, ours = (run(path, feeds) for path in (folder / "model.onnx", bundle.model_path("fp32")))
    np.testing.assert_array_equal(ours, theirs)


def test_what_is_there_already_is_gone_on_with(
    foreign: Callable[..., Path], tmp_path: Path
) -> None:
    """As after a kill between the copy and the first variant."""
    folder = shutil.copytree(foreign("distilbert", "text-classification"), tmp_path / "theirs")
    first = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8", calibrate=False)
    again = adopt_onnx(folder, tmp_path / "bundle")
    assert dataclasses.replace(again.manifest) == first.manifest
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    with pytest.raises(ed.errors.BundleExists, match="exists and is not empty"):
        adopt_onnx(folder, tmp_path / "bundle")
    fresh = adopt_onnx(folder, tmp_path / "bundle", overwrite=True)
    assert list(fresh.manifest.variants) == ["fp32"]
