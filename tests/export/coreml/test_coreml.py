"""Core ML packages of tiny checkpoints: their numbers, their metadata, and what goes wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
import transformers

import edge_distil
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.encoder import open_coreml
from edge_distil.errors import (
    BundleCorrupt,
    BundleExists,
    ExportError,
    InputError,
    ParityError,
    SessionError,
)
from edge_distil.tasks import BY_NAME
from edge_distil_export.coreml import add_coreml
from edge_distil_export.coreml.evaluate import Program
from edge_distil_export.coreml.quiet import quiet_coremltools

pytestmark = pytest.mark.wide

FP32_TOLERANCE = 1e-4  # the bound promised for fp32 packages
FP16_TOLERANCE = 2e-2
FULL = "Ada lived in London. " * 16  # cut to the longest length of the package: MobileBERT's
# embedding of a token looks at the next one, padding too, so it knows how far a row is padded.
LENGTHS = {"fixed": "32", "fused": "32", "enumerated": "16,32", "range": "range"}
IOS_18 = ("fused", "enumerated")  # attention as one operation; several lengths
FAST = [
    ("distilbert", "question-answering", "range"),
    ("bert", "text-classification", "fixed"),
    ("roberta", "fill-mask", "range"),
    ("electra", "token-classification", "enumerated"),
    ("albert", "question-answering", "range"),
    ("mobilebert", "question-answering", "fixed"),
]
_CONVERTED = [f for f in tiny.FAMILIES if f not in ("modernbert", "mobilebert")]  # see FAST
SLOW = [
    (family, task, kind) for family in _CONVERTED for task in tiny.AUTO_CLASSES for kind in LENGTHS
]

Packaged = Callable[..., Bundle]


@pytest.fixture(scope="module")
def packaged(
    checkpoint: Callable[..., Path],
    exported: Callable[..., Bundle],
    tmp_path_factory: pytest.TempPathFactory,
) -> Packaged:
    """(family, task, lengths, precision, compressions) -> bundle with packages."""

    @cache
    def make(
        family: str, task: str, kind: str, precision: str = "fp32", *compressions: str
    ) -> Bundle:
        folder = tmp_path_factory.mktemp("packaged") / "bundle"
        shutil.copytree(exported(family, task).path, folder)
        return add_coreml(
            folder,
            checkpoint(family, task),
            lengths=LENGTHS[kind],
            precision=precision,
            target="iOS18" if kind in IOS_18 else "iOS16",
            compressions=compressions,
        )

    return make


def check_numbers(bundle: Bundle, checkpoint: Path, task: str) -> None:
    """Run the package as an app would, and transformers with its own masks and attention."""
    variant = bundle.manifest.variants["coreml"]
    assert 0 < variant.evidence["parity"]["max_abs_diff"] <= FP32_TOLERANCE
    encoder = open_coreml(bundle, "coreml", Program(bundle.model_path("coreml")))
    encodings = encoder.tokenizer.encode([FULL, "Ada lived in London."])
    feeds = encoder.features(encodings)
    found = encoder.session.run(feeds)
    model = getattr(transformers, tiny.AUTO_CLASSES[task]).from_pretrained(checkpoint).eval()
    inputs = {name: torch.from_numpy(feeds[name]) for name in bundle.manifest.inputs}
    with torch.inference_mode():
        wanted = model(**inputs)
    attended = feeds["attention_mask"] == 1
    for name, values in found.items():
        expected = wanted[name].numpy()
        assert values.shape == expected.shape
        if values.shape[:2] == attended.shape:
            values, expected = values[attended], expected[attended]
        np.testing.assert_allclose(values, expected, rtol=0, atol=FP32_TOLERANCE)


@pytest.mark.parametrize(("family", "task", "kind"), FAST)
def test_fp32_package_matches_transformers(
    family: str, task: str, kind: str, packaged: Packaged, checkpoint: Callable[..., Path]
) -> None:
    check_numbers(packaged(family, task, kind), checkpoint(family, task), task)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "task", "kind"), SLOW)
def test_every_fp32_package_matches_transformers(
    family: str, task: str, kind: str, packaged: Packaged, checkpoint: Callable[..., Path]
) -> None:
    check_numbers(packaged(family, task, kind), checkpoint(family, task), task)


def test_attention_is_one_operation_on_ios_18(
    packaged: Packaged, checkpoint: Callable[..., Path]
) -> None:
    family, task = "distilbert", "text-classification"
    bundle = packaged(family, task, "fused")
    kinds = bundle.manifest.variants["coreml"].operators
    assert kinds["scaled_dot_product_attention"] == 2  # layers
    assert "softmax" not in kinds
    check_numbers(bundle, checkpoint(family, task), task)


def test_layers_are_compared(packaged: Packaged) -> None:
    layers = (
        packaged("distilbert", "question-answering", "range")
        .manifest.variants["coreml"]
        .evidence["parity"]["layers"]
    )
    assert len(layers) == 1 + 2 * 2  # embeddings, and two for each of two layers
    assert all(0 <= value <= FP32_TOLERANCE for value in layers.values())


@pytest.fixture(scope="module")
def half(packaged: Packaged) -> Bundle:
    """A question-answering bundle with every package of half precision."""
    return packaged(
        "distilbert", "question-answering", "range", "fp16", "int8", "palette6", "palette4"
    )


def test_half_and_compressed_packages_are_smaller_and_their_errors_recorded(half: Bundle) -> None:
    variants = half.manifest.variants
    names = ["coreml", "coreml-int8", "coreml-palette6", "coreml-palette4"]
    errors = [variants[name].evidence["parity"]["max_abs_diff"] for name in names]
    assert errors[0] <= FP16_TOLERANCE
    assert errors == sorted(errors)
    weights = [max(record.bytes for record in variants[name].parts) for name in names]
    assert weights == sorted(weights, reverse=True)
    assert variants["coreml"].evidence["parity"]["atol"] == FP16_TOLERANCE
    assert variants["coreml-int8"].evidence["parity"]["atol"] is None


def test_answers_are_those_of_the_onnx_model(half: Bundle) -> None:
    program = Program(half.model_path("coreml"))
    qa: Any = BY_NAME["question-answering"](open_coreml(half, "coreml", program))
    onnx: Any = edge_distil.load(half.path)
    context = "Paris is the capital of France; Ada Lovelace lived in London. " * 3
    for question in ("Who lived in London?", "What is Paris?"):
        found, wanted = qa(question, context), onnx(question, context)
        assert (found.text, found.start) == (wanted.text, wanted.start)
        assert found.score == pytest.approx(wanted.score, abs=FP16_TOLERANCE)


def test_package_says_what_it_is(packaged: Packaged) -> None:
    bundle = packaged("electra", "token-classification", "enumerated")
    with quiet_coremltools() as coremltools:
        model = coremltools.models.MLModel(str(bundle.model_path("coreml")), skip_model_load=True)
        spec = model.get_spec()
    stored = spec.description.metadata
    assert stored.author == bundle.manifest.checkpoint.name
    assert stored.license
    assert json.loads(stored.userDefined["edge_distil.labels"]) == list(bundle.manifest.labels)
    assert stored.userDefined["edge_distil.task"] == "token-classification"
    assert [i.name for i in spec.description.input] == list(bundle.manifest.inputs)
    assert [o.name for o in spec.description.output] == list(bundle.manifest.outputs)
    assert all(f.shortDescription for f in [*spec.description.input, *spec.description.output])
    taken = spec.description.input[0].type.multiArrayType
    shapes = [list(shape.shape) for shape in taken.enumeratedShapes.shapes]
    assert sorted(shapes) == [[1, 16], [1, 32]]
    assert taken.dataType == taken.INT32
    assert spec.WhichOneof("Type") == "mlProgram"


def test_folder_may_be_left_out_but_not_edited(half: Bundle, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(half.path, tmp_path / "copy"))
    assert open_bundle(copy).variant()[0] == "fp32"
    weights = copy / half.manifest.variants["coreml"].parts[-1].path
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(BundleCorrupt, match="edited"):
        open_bundle(copy).model_path("coreml")
    shutil.rmtree(copy / "coreml")
    assert edge_distil.load(copy).variant == "fp32"


def test_never_loaded_unless_named(half: Bundle, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(half.path, tmp_path / "copy"))
    shutil.rmtree(copy / "onnx")
    assert open_bundle(copy).variant()[0] == "fp32"  # and then says that its file is missing
    assert open_bundle(copy).portable_variants() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp8"}, "precision is 'fp8', expected one of fp16, fp32"),
        ({"target": "iOS12"}, "target is 'iOS12'"),
        ({"compressions": ["int2"]}, "compression is 'int2'"),
        ({"lengths": "0"}, "expected 2 to 64"),
        ({"lengths": "128"}, "expected 2 to 64"),
        ({"lengths": "many"}, "expected one"),
        ({"lengths": "16,32"}, "need iOS 18"),
        ({"atol": -1.0}, "atol is -1.0"),
    ],
)
def test_wrong_options(
    options: dict[str, Any],
    message: str,
    checkpoint: Callable[..., Path],
    exported: Callable[..., Bundle],
) -> None:
    bundle = exported("distilbert", "question-answering")
    with pytest.raises(InputError, match=message):
        add_coreml(bundle, checkpoint("distilbert", "question-answering"), **options)
    assert not (bundle.path / "coreml").exists()


def test_another_checkpoint(
    checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    bundle = exported("distilbert", "question-answering")
    with pytest.raises(InputError, match="give the same checkpoint"):
        add_coreml(bundle, checkpoint("bert", "question-answering"))


def test_failing_parity_writes_nothing(
    checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    bundle = exported("distilbert", "question-answering")
    with pytest.raises(ParityError, match="nothing was written"):
        add_coreml(bundle, checkpoint("distilbert", "question-answering"), lengths="8", atol=0.0)
    assert not (bundle.path / "coreml").exists()
    assert "coreml" not in open_bundle(bundle.path).manifest.variants


def test_a_model_that_cannot_be_converted(
    checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    bundle = exported("modernbert", "fill-mask")
    with pytest.raises(ExportError, match="cannot convert this model"):
        add_coreml(bundle, checkpoint("modernbert", "fill-mask"))


def test_packages_are_not_overwritten_by_accident(
    half: Bundle, checkpoint: Callable[..., Path]
) -> None:
    with pytest.raises(BundleExists, match="overwrite=True"):
        add_coreml(half, checkpoint("distilbert", "question-answering"))


@pytest.mark.slow
def test_made_again_it_is_the_same_to_the_byte(
    half: Bundle, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(half.path, tmp_path / "copy"))
    compressions = ("int8", "palette6", "palette4")
    source = checkpoint("distilbert", "question-answering")
    settings = {"lengths": LENGTHS["range"], "precision": "fp16", "target": "iOS16"}
    again = add_coreml(copy, source, compressions=compressions, overwrite=True, **settings)
    assert _files(again.path / "coreml") == _files(half.path / "coreml")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_damaged_package(half: Bundle, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(half.model_path("coreml"), tmp_path / "model.mlpackage"))
    (copy / "Data" / "com.apple.CoreML" / "model.mlmodel").write_bytes(b"\x00\x01")
    with pytest.raises(ExportError, match="cannot be read"):
        Program(copy)


def test_off_macos_one_line_says_what_is_missing(
    half: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(SessionError, match=r"needs Apple's Core ML.*fp32"):
        edge_distil.load(half.path, variant="coreml")
