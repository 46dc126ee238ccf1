"""`export --position-ids`, against transformers called with them, and with none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import further
import numpy as np
import onnxruntime
import pytest
import shelf
import tiny
import torch
import transformers

import edge_distil as ed
from edge_distil.bundle import Bundle
from edge_distil.encoder import open_encoder
from edge_distil.errors import ExportError, InputError, SessionError, TaskError
from edge_distil.session import Floats, OnnxSession, Tokens
from edge_distil_export import export_bundle

pytestmark = pytest.mark.wide

TOLERANCE = 1e-5
QUICK = ("distilbert", "roberta")
BEHIND_PADDING = {"roberta", "xlm-roberta", "mpnet", "camembert", "data2vec-text", "ibert",
                  "roberta-prelayernorm", "xlm-roberta-xl"}  # fmt: skip
FAMILIES = [
    pytest.param(family, marks=() if family in QUICK else pytest.mark.slow)
    for family in (*tiny.FAMILIES, *(name for name in further.FURTHER if name != "roformer"))
]
TEXTS = ["Ada lived in London.", "The quick brown fox jumps, and [PAD] <pad> sleeps.", "a"]


@pytest.fixture
def original(checkpoint: Callable[..., Path], tmp_path: Path) -> Callable[[str, str], Path]:
    """(family, task) -> directory of a tiny checkpoint."""

    def make(family: str, task: str) -> Path:
        if family in tiny.FAMILIES:
            return checkpoint(family, task)
        return further.save(tmp_path / "model", family, task)

    return make


def with_positions(folder: Path, output: Path, task: str) -> Bundle:
    return shelf.export(folder, output, task=task, position_ids=True)


def seeded(bundle: Bundle, rows: int, tokens: int) -> dict[str, Tokens]:
    """Rows of random tokens, each with a padded end, at random positions."""
    random = np.random.default_rng(17)
    ids = random.integers(5, 60, (rows, tokens))
    first = bundle.manifest.first_position
    assert first is not None
    return {
        "input_ids": ids,
        "attention_mask": (np.arange(tokens) < random.integers(2, tokens, (rows, 1))).astype(int),
        "position_ids": random.integers(first, first + tiny.POSITIONS, ids.shape),
    }


def run(bundle: Bundle, feeds: dict[str, Tokens]) -> dict[str, Floats]:
    types = {"token_type_ids": np.zeros_like(feeds["input_ids"])}
    return OnnxSession(bundle.model_path("fp32")).run({**types, **feeds})


def both(bundle: Bundle, text: str) -> tuple[Floats, Floats]:
    """A text's numbers, of the runtime and of its inputs in an engine that fuses nothing."""
    encoder = open_encoder(bundle.path)
    feeds = encoder.features(encoder.tokenizer.encode([text]))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(bundle.model_path("fp32"), options)
    taken = {name: feeds[name] for name in bundle.manifest.inputs}
    return encoder.outputs(feeds)["last_hidden_state"], session.run(None, taken)[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_any_positions(family: str, original: Callable[[str, str], Path], tmp_path: Path) -> None:
    folder = original(family, "feature-extraction")
    bundle = with_positions(folder, tmp_path / "bundle", "feature-extraction")
    assert bundle.manifest.inputs[-1] == "position_ids"
    assert bundle.manifest.first_position == (2 if family in BEHIND_PADDING else 0)
    feeds = seeded(bundle, 3, 12)
    if family == "mobilebert":  # transformers' reads padding as a neighbour: test_families.py
        feeds["attention_mask"][:] = 1
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        want = model(**{name: torch.from_numpy(ids) for name, ids in feeds.items()})
    attended = feeds["attention_mask"] == 1
    found = run(bundle, feeds)["last_hidden_state"]
    np.testing.assert_allclose(
        found[attended], want.last_hidden_state.numpy()[attended], rtol=0, atol=TOLERANCE
    )
    moved = {**feeds, "position_ids": np.roll(feeds["position_ids"], 1, axis=1)}
    assert np.abs(run(bundle, moved)["last_hidden_state"] - found)[attended].max() > TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
def test_left_out_they_are_those_of_the_model(
    family: str, original: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """What the graph without the input gives, padding tokens within a text too.

    Bit for bit, operator by operator: onnxruntime may fuse the first sum with its normalisation
    where position vectors are rows of a batch, and adds up in another order then.
    """
    folder = original(family, "feature-extraction")
    plain = shelf.export(folder, tmp_path / "plain", task="feature-extraction")
    bundle = with_positions(folder, tmp_path / "bundle", "feature-extraction")
    for text in TEXTS:
        whole, bare = zip(*(both(made, text) for made in (plain, bundle)), strict=True)
        np.testing.assert_array_equal(bare[1], bare[0])
        np.testing.assert_allclose(whole[1], whole[0], rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("task", tiny.AUTO_CLASSES)
def test_every_head(task: str, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = checkpoint("distilbert", task)
    bundle = with_positions(folder, tmp_path / "bundle", task)
    feeds = seeded(bundle, 2, 9)
    model = getattr(transformers, tiny.AUTO_CLASSES[task]).from_pretrained(folder).eval()
    with torch.no_grad():
        want = model(**{name: torch.from_numpy(ids) for name, ids in feeds.items()})
    attended = feeds["attention_mask"] == 1
    for name, found in run(bundle, feeds).items():
        expected = want[name].numpy()
        kept = attended if expected.shape[:2] == attended.shape else slice(None)
        np.testing.assert_allclose(found[kept], expected[kept], rtol=0, atol=TOLERANCE)


def test_such_a_bundle_is_used_like_any_other(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint("roberta", "feature-extraction")
    plain = shelf.export(folder, tmp_path / "plain", task="sentence-similarity")
    bundle = with_positions(folder, tmp_path / "bundle", "sentence-similarity")
    for variant in ("fp32", "int8"):
        if variant == "int8":
            plain, bundle = shelf.quantize(plain), shelf.quantize(bundle)
            assert bundle.manifest.variants["int8"].evidence["company"]["same_bits"]
        want = ed.load(plain.path, variant=variant).encode(TEXTS)
        np.testing.assert_array_equal(ed.load(bundle.path, variant=variant).encode(TEXTS), want)


def test_a_position_that_there_is_not(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = checkpoint("distilbert", "feature-extraction")
    bundle = with_positions(folder, tmp_path / "bundle", "feature-extraction")
    feeds = seeded(bundle, 1, 4)
    feeds["position_ids"][0, 2] = tiny.POSITIONS
    with pytest.raises(SessionError, match=r"failed on .* of shape \(1, 4\): .*out of"):
        run(bundle, feeds)


def test_a_family_without_positions(tmp_path: Path) -> None:
    folder = further.save(tmp_path / "model", "roformer")
    with pytest.raises(TaskError, match="is a RoFormerModel, which takes no position_ids"):
        export_bundle(folder, tmp_path / "bundle", position_ids=True)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
def test_a_model_that_does_not_look_at_them(tmp_path: Path) -> None:
    folder = further.save(tmp_path / "model", "deberta-v2", position_biased_input=False)
    with pytest.raises(ExportError, match="nothing in this model depends on position_ids"):
        export_bundle(folder, tmp_path / "bundle", position_ids=True)
    assert not (tmp_path / "bundle").exists()


def test_core_ml_has_no_such_input(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    from edge_distil_export.coreml import add_coreml

    folder = checkpoint("distilbert", "feature-extraction")
    bundle = with_positions(folder, tmp_path / "bundle", "feature-extraction")
    with pytest.raises(InputError, match="export it without --position-ids"):
        add_coreml(bundle, folder)
    assert not (bundle.path / "coreml").exists()
