"""The fused form: PyTorch's numbers, int8's integers, and no row with padding."""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import shelf
import torch
import transformers
from graphs import constants, run, session, with_constants
from onnx import TensorProto, helper, numpy_helper
from same_bits import WORDS, differences
from tiny import AUTO_CLASSES, save_checkpoint

import edge_distil as ed
from edge_distil._writing import storage
from edge_distil.bundle import MODEL_FILES, Bundle, open_bundle, write_manifest
from edge_distil.errors import QuantizeError, SessionError, VariantMissing
from edge_distil_quantize import fuse_variant

GOLDEN = Path(__file__).parents[1] / "golden" / "tiny"
KINDS = ("qa", "tied", "classifier", "shared")
FEW = ("bert", "distilbert")
FURTHER = ("albert", "electra", "mobilebert", "roberta", "xlm-roberta")
FAMILIES = (*FEW, *(pytest.param(name, marks=pytest.mark.wide) for name in FURTHER))


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def logits_of(model: torch.nn.Module, ids: list[int]) -> np.ndarray:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).logits.numpy()


def recorded(opened: Bundle, variant: str) -> Bundle:
    """Let the manifest name the file that is there."""
    entry = opened.manifest.variants[variant]
    file = storage.record(opened.path, opened.path / entry.file.path)
    changed = opened.manifest.with_variant(variant, dataclasses.replace(entry, file=file))
    write_manifest(opened.path, changed)
    return open_bundle(opened.path)


@pytest.mark.parametrize("family", FAMILIES)
def test_fp32_is_pytorch(family, tmp_path):
    checkpoint = save_checkpoint(tmp_path / "checkpoint", family, "token-classification")
    made = fuse_variant(shelf.export(checkpoint, tmp_path / "bundle"), "fp32")
    assert operators(made.model_path("fp32-fused"))["Softmax"] == 0
    model = getattr(transformers, AUTO_CLASSES["token-classification"])
    original = model.from_pretrained(checkpoint).eval()
    generator = np.random.default_rng(1)
    for length in (1, 2, 7, 60):
        ids = generator.integers(5, 100, length).tolist()
        expected = logits_of(original, ids)
        got = run(made.model_path("fp32-fused"), np.array([ids]))["logits"]
        np.testing.assert_allclose(got, expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_int8_is_as_near_to_fp32_as_it_was(bundle, kind):
    """Sums in another order move a number across a border here and there, up as often as down."""
    made = fuse_variant(shelf.quantize(bundle(kind)), "int8")
    found = operators(made.model_path("int8-fused"))
    assert {"MultiHeadAttention", "FastGelu"} <= set(found)
    assert found["Softmax"] == 0
    assert found["MatMulInteger"] == operators(made.model_path("int8"))["MatMulInteger"]
    generator = np.random.default_rng(2)
    errors = {"int8": 0.0, "int8-fused": 0.0}
    for length in range(3, 60):
        ids = generator.integers(5, 1000, (4, length))
        exact = run(made.model_path("fp32"), ids)
        for name in errors:
            for output, array in run(made.model_path(name), ids).items():
                errors[name] += float(np.square(array - exact[output]).sum())
    assert errors["int8-fused"] <= 1.05 * errors["int8"]


TASKS = [
    pytest.param(task, marks=[] if task == "feature-extraction" else pytest.mark.wide)
    for task in sorted(AUTO_CLASSES)
]


@pytest.mark.parametrize("task", TASKS)
def test_no_company_moves_a_bit(task, tmp_path):
    checkpoint = save_checkpoint(tmp_path / "checkpoint", "bert", task)
    opened = shelf.quantize(shelf.export(checkpoint, tmp_path / "bundle"), calibrate=False)
    generator = random.Random(task)
    for variant in ("fp32", "int8"):
        opened = fuse_variant(opened, variant)
        for threads in (1, 2):
            loaded = ed.load(opened.path, variant=f"{variant}-fused", threads=threads)
            texts = [
                " ".join(generator.choice(WORDS) for _ in range(generator.randint(0, 50)))
                for _ in range(60)
            ]
            assert differences(loaded, texts, generator) == []


def test_a_padded_row_is_refused_and_tasks_give_none(bundle):
    made = fuse_variant(bundle("qa"), "fp32")
    ids = np.full((2, 6), 7)
    mask = np.array([[1] * 6, [1] * 5 + [0]])
    runner = session(made.model_path("fp32-fused"))
    with pytest.raises(Exception, match=r"takes_no_padding.*out of data bounds"):
        runner.run(None, {"input_ids": ids, "attention_mask": mask})
    with pytest.raises(SessionError, match=r"takes no padding, got masked tokens"):
        ed.load(made.path, variant="fp32-fused").encoder.session.run(
            {"input_ids": ids, "attention_mask": mask}
        )
    pairs = [("abc?", "a b c d e f"), ("f?", "a f b a b c 1 2 3"), ("b?", "b")]
    plain, fused = (
        [answer.text for answer, *_ in ed.load(made.path, variant=variant).batch(pairs, top_k=2)]
        for variant in ("fp32", "fp32-fused")
    )
    assert plain == fused


def test_padding_is_refused_where_ids_become_32_bits_first(bundle):
    made = bundle("qa")
    path = made.model_path("fp32")
    model = onnx.load(path)
    for node in model.graph.node:
        node.input[:] = ["short_ids" if name == "input_ids" else name for name in node.input]
    cast = helper.make_node("Cast", ["input_ids"], ["short_ids"], to=TensorProto.INT32)
    model.graph.node.insert(0, cast)
    onnx.save(model, path)
    fused = fuse_variant(recorded(made, "fp32"), "fp32").model_path("fp32-fused")
    ids = np.full((1, 6), 7)
    assert run(fused, ids)
    with pytest.raises(Exception, match="out of data bounds"):
        run(fused, ids, np.array([[1, 1, 1, 1, 0, 0]]))


def test_a_row_of_zeros_stays_zeros(bundle):
    """Nothing guards the division by its greatest magnitude, 0."""
    made = shelf.quantize(bundle("classifier"), calibrate=False)
    path = made.model_path("int8")
    model = onnx.load(path)
    norms = [node for node in model.graph.node if node.op_type == "LayerNormalization"]
    stored = constants(model)
    zeros = {name: np.zeros_like(stored[name]) for name in norms[0].input[1:]}
    onnx.save(with_constants(model, zeros), path)
    fused = fuse_variant(recorded(made, "int8"), "int8").model_path("int8-fused")
    expected, got = (run(file, np.full((1, 9), 7))["logits"] for file in (path, fused))
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got, expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("family", ["modernbert", "mpnet"])
def test_attention_of_another_kind_is_refused(family, tmp_path, digest):
    """Positions that are rotated, or that are added to the scores."""
    checkpoint = save_checkpoint(tmp_path / "checkpoint", family, "feature-extraction")
    made = shelf.export(checkpoint, tmp_path / "bundle")
    before = digest(made.path)
    with pytest.raises(QuantizeError, match="no attention that onnxruntime's own could stand for"):
        fuse_variant(made, "fp32")
    assert digest(made.path) == before


@pytest.mark.parametrize("reach", [0, 5])
def test_a_mask_that_hides_more_than_padding_stays(bundle, reach):
    """What lies ahead, and what lies more than five tokens away: seen from the sixth token on."""
    made = bundle("qa")
    path = made.model_path("fp32")
    _hide(path, reach)
    with pytest.raises(QuantizeError, match="no attention"):
        fuse_variant(recorded(made, "fp32"), "fp32")


def _hide(path: Path, reach: int) -> None:
    """Add a matrix of positions to the mask of a graph."""
    model = onnx.load(path)
    place = np.arange(64)
    apart = place[None, :] - place[:, None]
    hidden = np.where((apart > 0) if reach == 0 else (abs(apart) > reach), -1e9, 0)
    model.graph.initializer.append(
        numpy_helper.from_array(hidden.astype(np.float32)[None, None], "hidden")
    )
    where = next(node for node in model.graph.node if node.op_type == "Where")
    mask, ids = where.output[0], "attention_mask"
    where.output[0] = f"{mask}_padding"
    zero, one = (numpy_helper.from_array(np.array([n]), f"n{n}") for n in (0, 1))
    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    model.graph.initializer.extend([zero, one, axes])
    nodes = [
        helper.make_node("Shape", [ids], ["length"], start=1, end=2),
        helper.make_node("Concat", ["length", "length"], ["square"], axis=0),
        helper.make_node("Concat", ["n0", "n0"], ["corner"], axis=0),
        helper.make_node("Slice", ["hidden", "corner", "square", "axes"], ["seen"]),
        helper.make_node("Add", [f"{mask}_padding", "seen"], [mask]),
    ]
    index = list(model.graph.node).index(where) + 1
    for node in reversed(nodes):
        model.graph.node.insert(index, node)
    onnx.save(model, path)


def test_late_interaction_is_refused(tmp_path):
    """Its queries are filled with masked tokens."""
    shutil.copytree(GOLDEN / "late_interaction", tmp_path / "bundle")
    with pytest.raises(QuantizeError, match="filled with tokens that are masked"):
        fuse_variant(tmp_path / "bundle", "fp32")


def test_what_has_no_fused_form_is_refused(bundle, digest):
    made = shelf.quantize(bundle("qa"), "int4")
    before = digest(made.path)
    with pytest.raises(QuantizeError, match="int4 has no fused form, expected fp32 or int8"):
        fuse_variant(made, "int4")
    with pytest.raises(VariantMissing, match=r"no variant 'int8'.* --int8"):
        fuse_variant(made, "int8")
    with pytest.raises(VariantMissing, match="--int8 --fused"):
        made.variant("int8-fused")
    with pytest.raises(VariantMissing, match=r"quantize \S+ --fused"):
        made.variant("fp32-fused")
    assert digest(made.path) == before


def test_the_manifest_says_what_it_was_made_from(bundle):
    made = fuse_variant(shelf.quantize(bundle("qa")), "int8")
    source, fused = (made.manifest.variants[name] for name in ("int8", "int8-fused"))
    assert fused.file.path == MODEL_FILES["int8-fused"]
    assert fused.settings["made_from"]["sha256"] == source.file.sha256
    assert fused.settings["calibration"] == source.settings["calibration"]
    assert fused.evidence["exact_integers"] == source.evidence["exact_integers"]
    assert fused.evidence["company"]["same_bits"]
    assert fused.evidence["onnx_file"]["min_cosine"] > 0.999
    assert open_bundle(made.path, verify=True).variant()[0] == "fp32"  # never taken unnamed
    model = onnx.load(made.model_path("int8-fused"))
    assert all(tensor.data_type != TensorProto.DOUBLE for tensor in model.graph.initializer)
