"""The sliced last layer against the whole one, transformers and sentence-transformers.

That every family's sliced classifier gives transformers' own logits is in test_families.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import shelf
import tiny
import torch
import transformers

import edge_distil
from edge_distil.bundle import Bundle
from edge_distil.errors import ParityError, TaskError
from edge_distil.session import OnnxSession
from edge_distil_export.graphs.slicing import slice_last_layer
from edge_distil_export.parity import Reference, check_parity

pytestmark = pytest.mark.wide

SAME = 1e-6  # sliced and whole graph: the same sums, of blocks of another size
FP32_TOLERANCE = 1e-5  # from PyTorch, on tiny models
SHAPES = [(batch, length) for batch in (1, 2, 7) for length in (2, 3, 8, 61, 64)]
# Products of the last layer that run for one token: query, scores, context, output and two of the
# feed-forward network; MobileBERT has two bottlenecks and a network more, and ModernBERT's query
# comes out of one product with key and value.
PRODUCTS = {"mobilebert": 10, "modernbert": 5}
TASK = "text-classification"


@pytest.fixture(scope="session")
def whole(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Bundle]:
    """Family -> the classifier's bundle, exported without slicing."""

    @cache
    def make(family: str) -> Bundle:
        folder = tmp_path_factory.mktemp("whole") / "out"
        return shelf.export(checkpoint(family, TASK), folder, slice_last_layer=False)

    return make


@pytest.fixture(scope="session")
def cls_checkpoint(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An embedding checkpoint with CLS pooling, saved by sentence-transformers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, models

        encoder = models.Transformer(str(checkpoint("bert", "feature-extraction")))
        modules = [encoder, models.Pooling(32, pooling_mode="cls")]
        folder = tmp_path_factory.mktemp("cls") / "st"
        SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="session")
def cls_bundle(cls_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """It, exported."""
    return shelf.export(cls_checkpoint, tmp_path_factory.mktemp("cls") / "out")


def feeds(bundle: Bundle, batch: int, length: int) -> dict[str, np.ndarray]:
    """Random ids; every row but the first is masked behind some token."""
    random = np.random.default_rng([batch, length])
    used = random.integers(1, length + 1, batch)
    used[0] = length
    given = {
        "input_ids": random.integers(5, 170, (batch, length)),
        "attention_mask": (np.arange(length) < used[:, None]).astype(np.int64),
        "token_type_ids": random.integers(0, 2, (batch, length)),
    }
    return {name: given[name] for name in bundle.manifest.inputs}


def run(bundle: Bundle, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(bundle.model_path("fp32")).run(None, inputs)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_logits_are_those_of_the_whole_layer(
    family: str, exported: Callable[..., Bundle], whole: Callable[[str], Bundle]
) -> None:
    sliced = exported(family, TASK)
    for batch, length in SHAPES:
        inputs = feeds(sliced, batch, length)
        (found,), (wanted,) = run(sliced, inputs), run(whole(family), inputs)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=SAME)
    onnx.checker.check_model(onnx.load(sliced.model_path("fp32")), full_check=True)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_products_of_the_last_layer_see_one_token(
    family: str, exported: Callable[..., Bundle], whole: Callable[[str], Bundle]
) -> None:
    """Counted on what onnxruntime computes, not on what the manifest says."""
    sliced = exported(family, TASK)
    assert _rows(whole(family)).count(1) == 0
    assert _rows(sliced).count(1) == PRODUCTS.get(family, 6)
    settings = sliced.manifest.variants["fp32"].settings["last_layer"]
    assert settings["products"] == PRODUCTS.get(family, 6)
    assert whole(family).manifest.variants["fp32"].settings["last_layer"] == "whole"


def _rows(bundle: Bundle) -> list[int]:
    """How many rows each MatMul gives for 13 tokens; the other axes here are never 1."""
    model = onnx.load(bundle.model_path("fp32"))
    names = [node.output[0] for node in model.graph.node if node.op_type == "MatMul"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return [array.shape[-2] for array in session.run(names, feeds(bundle, 2, 13))]


def test_share_of_a_layer_by_hand(exported: Callable[..., Bundle]) -> None:
    """Hidden 32, network 64: a layer has 4 * 32 * 32 + 2 * 32 * 64 weights, key and value stay."""
    settings = exported("distilbert", TASK).manifest.variants["fp32"].settings["last_layer"]
    layer, kept = 4 * 32 * 32 + 2 * 32 * 64, 2 * 32 * 32
    assert settings["share_of_weights"] == (layer - kept) / (2 * layer)


@pytest.mark.parametrize("task", sorted({*tiny.AUTO_CLASSES} - {TASK}))
def test_heads_that_read_all_tokens_keep_the_layer(
    task: str, exported: Callable[..., Bundle]
) -> None:
    assert exported("bert", task).manifest.variants["fp32"].settings["last_layer"] == "whole"


def test_a_mean_over_the_tokens_keeps_the_layer(exported: Callable[..., Bundle]) -> None:
    bundle = exported("modernbert", TASK, classifier_pooling="mean")
    assert bundle.manifest.variants["fp32"].settings["last_layer"] == "whole"


def test_one_layer_alone(checkpoint: Callable[..., Path], exported: Callable[..., Bundle]) -> None:
    """The slice then stops at the embeddings, which key and value read whole."""
    bundle = exported("bert", TASK, num_hidden_layers=1)
    folder = checkpoint("bert", TASK, num_hidden_layers=1)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = feeds(bundle, 2, 9)
    with torch.no_grad():
        wanted = model(**{name: torch.from_numpy(ids) for name, ids in inputs.items()}).logits
    np.testing.assert_allclose(run(bundle, inputs)[0], wanted, rtol=0, atol=FP32_TOLERANCE)
    assert sorted(set(_rows(bundle))) == [1, 13]


def test_cls_pooling_by_sentence_transformers_itself(
    cls_checkpoint: Path, cls_bundle: Bundle
) -> None:
    """Its ONNX backend pools last_hidden_state, here of one token, with its own module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(cls_checkpoint), device="cpu", local_files_only=True)
        texts = ["Ada lived in London.", "The quick brown fox, and the dog sleeps on.", "a"]
        wanted = model.encode(texts, show_progress_bar=False)
        encodings = dict(model.tokenizer(texts, padding=True, return_tensors="np"))
        encodings.setdefault("token_type_ids", np.zeros_like(encodings["input_ids"]))
        inputs = {name: encodings[name] for name in cls_bundle.manifest.inputs}
        hidden, vectors = run(cls_bundle, inputs)
        states, mask = torch.from_numpy(hidden), torch.from_numpy(inputs["attention_mask"])
        pooled = model[1]({"token_embeddings": states, "attention_mask": mask})
    assert hidden.shape == (3, 1, 32)
    for found in (
        vectors,
        pooled["sentence_embedding"],
        edge_distil.load(cls_bundle.path).encode(texts),
    ):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=FP32_TOLERANCE)


def test_the_graph_says_that_it_gives_one_token(cls_bundle: Bundle) -> None:
    outputs = onnx.load(cls_bundle.model_path("fp32")).graph.output
    sizes = {
        o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in outputs
    }
    assert sizes == {
        "last_hidden_state": ["batch_size", 1, 32],
        "sentence_embedding": ["batch_size", 32],
    }


def test_token_vectors_of_a_sliced_bundle(
    cls_checkpoint: Path, cls_bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(TaskError, match=r"the first token's vector alone.*--no-slice"):
        edge_distil.load(cls_bundle.path).hidden_states(["Ada lived in London."])
    kept = shelf.export(cls_checkpoint, tmp_path / "out", slice_last_layer=False)
    (states,) = edge_distil.load(kept.path).hidden_states(["Ada lived in London."])
    vector = edge_distil.load(cls_bundle.path).encode("Ada lived in London.")
    np.testing.assert_allclose(states[0], vector, rtol=0, atol=SAME)
    assert len(states) > 1


def test_parity_compares_the_first_token(cls_bundle: Bundle) -> None:
    session = OnnxSession(cls_bundle.model_path("fp32"))
    inputs = feeds(cls_bundle, 7, 8)
    axes: dict[str, tuple[str | int, ...]] = {"last_hidden_state": ("batch_size", 1)}
    hidden = session.run(inputs)["last_hidden_state"]
    behind = np.full((7, 7, 32), 9, np.float32)  # tokens that the graph does not give
    good = Reference(8, inputs, {"last_hidden_state": np.concatenate([hidden, behind], axis=1)})
    assert check_parity(session, [good], axes, 1e-5)["cases"] == 3
    bad = Reference(8, inputs, {"last_hidden_state": np.concatenate([hidden + 1e-3, behind], 1)})
    with pytest.raises(ParityError, match="last_hidden_state"):
        check_parity(session, [bad], axes, 1e-5)


# How y is made of x (batch, tokens, 4), and what of it is then computed for the first token alone.
OPERATORS = {
    "softmax over channels": ("y = Softmax <axis=-1> (x)", {"y"}),
    "softmax over tokens": ("y = Softmax <axis=1> (x)", set()),
    "layer norm over channels": ("y = LayerNormalization (x, four_ones)", {"y"}),
    "layer norm over tokens": ("y = LayerNormalization <axis=1> (x, four_ones)", set()),
    "a sum over tokens": ("s = ReduceSum (x, i1)  y = Add (x, s)", {"y"}),
    "read whole too": ("m = Relu (x)  s = ReduceSum (m, i1)  y = Add (m, s)", {"y"}),
    "running sums": ("y = CumSum (x, i1)", set()),
    "tokens turned round": ("y = Slice (x, minus, least, i1, minus)", set()),
    "tokens twice": ("y = Concat <axis=1> (x, x)", set()),
    "channels twice": ("c = Concat <axis=2> (x, x)  y = Slice (c, i0, i4, i2)", {"c", "y"}),
    "halves": (
        "p, q = Split <axis=2, num_outputs=2> (x)  y = Concat <axis=2> (q, p)",
        {"p", "q", "y"},
    ),
    "one half": ("p, q = Split <axis=1, num_outputs=2> (x)  y = Add (p, p)", {"y"}),
    "heads": ("h = Reshape (x, apart)  y = Reshape (h, together)", {"h", "y"}),
    "tokens and channels": ("h = Reshape (x, mixed)  y = Transpose <perm=[0, 2, 1]> (h)", {"y"}),
    "an axis more": ("h = Unsqueeze (x, i1)  g = Exp (h)  y = Squeeze (g, i1)", {"y", "g", "h"}),
    "product from the left": ("y = MatMul (x, w)", {"y"}),
    "product over tokens": (
        "k = Transpose <perm=[0, 2, 1]> (x)  g = MatMul (x, k)  y = MatMul (g, x)",
        {"g", "y"},
    ),
}
NUMBERS = {
    "i0": [0], "i1": [1], "i2": [2], "i4": [4], "minus": [-1], "least": [-(2**63) + 1],
    "apart": [0, 0, 2, 2], "together": [0, 0, 4], "mixed": [0, 4, -1],
}  # fmt: skip


def graph_of(lines: str) -> onnx.ModelProto:
    random = np.random.default_rng(3)
    head = "z = MatMul (y, w)  t = Tanh (z)  out = Gather <axis=1> (t, first)"
    graph = onnx.parser.parse_graph(
        f"g (float[batch, tokens, 4] x) => (float[batch, 4] out) {{ {lines}  {head} }}"
    )
    arrays = {name: np.array(numbers, np.int64) for name, numbers in NUMBERS.items()}
    arrays["first"] = np.array(0)
    arrays["four_ones"] = np.ones(4, np.float32)
    arrays["w"] = random.normal(size=(4, 4)).astype(np.float32)
    graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in arrays.items())
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 8
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def values_of(model: onnx.ModelProto, x: np.ndarray) -> dict[str, np.ndarray]:
    """Everything that onnxruntime computes, by name."""
    names = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:], model.graph.value_info[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_runs_for_one_token_where_that_is_exact(name: str) -> None:
    lines, expected = OPERATORS[name]
    graph = graph_of(lines)
    model = ir.from_proto(graph)
    assert slice_last_layer(model.graph) is not None
    x = np.random.default_rng(4).normal(size=(3, 6, 4)).astype(np.float32)
    before, after = values_of(graph, x), values_of(ir.to_proto(model), x)
    np.testing.assert_allclose(after["out"], before["out"], rtol=0, atol=SAME)
    shorter = {value for value in before if after[value].size < before[value].size}
    assert shorter == expected | {"z", "t"}
