"""Every family and head, against transformers with its own attention and mask code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tiny
import torch
import transformers

from edge_distil.bundle import Bundle, open_bundle

pytestmark = pytest.mark.wide

FP32_TOLERANCE = 1e-5  # tiny models; the bound promised for real ones is 1e-4
QUICK = ("fill-mask", "question-answering")
TASKS = [
    pytest.param(task, marks=() if task in QUICK else pytest.mark.safety)
    for task in tiny.AUTO_CLASSES
]
TEXTS = [
    "Ada lived in London.",
    "The quick brown fox jumps over the lazy dog, and sleeps on it.",
    "a",
]


def session(bundle: Bundle) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(bundle.model_path("fp32"))


def reference(folder: Path, task: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Padded inputs from the checkpoint's tokenizer and the outputs of its own model."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, tiny.AUTO_CLASSES[task]).from_pretrained(folder).eval()
    encoded = tokenizer(TEXTS, padding=True, return_tensors="pt")
    encoded.pop("token_type_ids", None)
    if getattr(model.config, "type_vocab_size", 0) > 1:
        encoded["token_type_ids"] = torch.zeros_like(encoded["input_ids"])
        encoded["token_type_ids"][:, 3:] = 1
    with torch.no_grad():
        outputs = model(**encoded)
    inputs = {name: tensor.numpy() for name, tensor in encoded.items()}
    return inputs, {name: tensor.numpy() for name, tensor in outputs.items()}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_matches_transformers(
    family: str,
    task: str,
    checkpoint: Callable[..., Path],
    exported: Callable[..., Bundle],
) -> None:
    bundle = exported(family, task)
    inputs, expected = reference(checkpoint(family, task), task)

    found = session(bundle).run(bundle.manifest.outputs, inputs)

    assert bundle.manifest.task == task
    assert ("token_type_ids" in bundle.manifest.inputs) == (family in tiny.WITH_TOKEN_TYPES)
    assert bundle.manifest.max_length == tiny.POSITIONS
    attended = inputs["attention_mask"] == 1
    for name, array in zip(bundle.manifest.outputs, found, strict=True):
        wanted = expected[name]
        if array.shape[:2] == attended.shape:
            array, wanted = array[attended], wanted[attended]
        np.testing.assert_allclose(array, wanted, rtol=0, atol=FP32_TOLERANCE)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_graph_is_plain_small_and_dynamic(family: str, exported: Callable[..., Bundle]) -> None:
    bundle = exported(family, "fill-mask")
    model = onnx.load(bundle.model_path("fp32"))

    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert model.ir_version == 8  # what onnxruntime 1.14 reads
    assert not model.functions
    assert not any(t.external_data for t in model.graph.initializer)
    assert not any(n.doc_string or n.metadata_props for n in model.graph.node)
    assert "LayerNormalization" in {n.op_type for n in model.graph.node}
    values = [*model.graph.input, *model.graph.output]
    axes = {tuple(d.dim_param for d in v.type.tensor_type.shape.dim[:2]) for v in values}
    assert axes == {("batch_size", "sequence_length")}


@pytest.mark.parametrize("family", ["distilbert", "bert", "roberta", "albert", "modernbert"])
def test_tied_and_shared_weights_are_stored_once(
    family: str, checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    weights = (checkpoint(family, "fill-mask") / "model.safetensors").stat().st_size
    exported_size = exported(family, "fill-mask").manifest.variants["fp32"].file.bytes
    # A second copy of the smallest embedding would be 8 kB; the graph itself is about 20 kB.
    arrays = [t for t in _initializers(exported(family, "fill-mask")) if t.ndim == 2]
    digests = [min(a.tobytes(), np.ascontiguousarray(a.T).tobytes()) for a in arrays]
    assert len(set(digests)) == len(digests)
    assert exported_size < weights + 60_000


def _initializers(bundle: Bundle) -> list[np.ndarray]:
    model = onnx.load(bundle.model_path("fp32"))
    return [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]


def test_sliding_window_is_in_the_graph(
    checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    """ModernBERT's local layers: a token farther away than the window must not show."""
    bundle = exported("modernbert", "feature-extraction")
    model = transformers.AutoModel.from_pretrained(checkpoint("modernbert", "feature-extraction"))
    ids = torch.arange(5, 45)[None]
    mask = torch.ones_like(ids)
    with torch.no_grad():
        expected = model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    (found,) = session(bundle).run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    np.testing.assert_allclose(found, expected, rtol=0, atol=FP32_TOLERANCE)


def test_padding_is_no_neighbour(
    checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    """MobileBERT reads the tokens beside each token: a text padded is the text alone."""
    how = ("mobilebert", "feature-extraction")
    bundle = exported(*how, padding_vector=True)
    folder = checkpoint(*how, padding_vector=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    padded = tokenizer(TEXTS, padding=True, return_tensors="np")
    (found,) = session(bundle).run(None, {name: padded[name] for name in bundle.manifest.inputs})
    for text, row in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            expected = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=0, atol=FP32_TOLERANCE)


def test_multi_label_head(exported: Callable[..., Bundle]) -> None:
    manifest = exported(
        "distilbert",
        "text-classification",
        num_labels=3,
        problem_type="multi_label_classification",
    ).manifest
    assert manifest.problem_type == "multi_label_classification"
    assert manifest.labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_as_many_labels_as_tokens(exported: Callable[..., Bundle]) -> None:
    """A row's logits are no tokens' logits, even where the two counts are equal."""
    bundle = exported("distilbert", "text-classification", num_labels=8)
    model = onnx.load(bundle.model_path("fp32"))
    (output,) = model.graph.output
    dims = output.type.tensor_type.shape.dim
    assert (dims[0].dim_param, dims[1].dim_value) == ("batch_size", 8)


def test_half_precision_checkpoint_becomes_float32(
    embedded_checkpoint: Path, embedded_bundle: Path
) -> None:
    bundle, squad = open_bundle(embedded_bundle), embedded_checkpoint
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(
        squad, dtype=torch.float32
    ).eval()
    encoded = transformers.AutoTokenizer.from_pretrained(squad)(
        ["Where did Ada live?", "Who?"],
        ["Ada lived in London.", "It was Ada Lovelace who wrote the first program, in 1843."],
        padding=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        expected = model(**encoded)
    start, end = session(bundle).run(None, {k: v.numpy() for k, v in encoded.items()})
    attended = encoded["attention_mask"].numpy() == 1
    for found, wanted in ((start, expected.start_logits), (end, expected.end_logits)):
        np.testing.assert_allclose(found[attended], wanted.numpy()[attended], rtol=0, atol=1e-4)
    parity = bundle.manifest.variants["fp32"].evidence["parity"]
    assert parity["max_abs_diff"] <= 1e-4
    assert bundle.manifest.max_length == 512
    shapes = set(parity["shapes"])
    assert {f"{batch}x{length}" for batch in (1, 2, 7) for length in (2, 61)} <= shapes
    assert {"1x512", "2x512"} <= shapes
    assert bundle.manifest.checkpoint.parameters == sum(p.numel() for p in model.parameters())
