"""``Embedding.encode`` against ``SentenceTransformer.encode``, argument by argument."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import shelf
from tiny import CORPUS, save_sentence_model

import edge_distil
from edge_distil.precision import quantize_embeddings
from edge_distil.tasks import Embedding

pytestmark = pytest.mark.wide

VECTOR_TOLERANCE = 1e-5
PROMPTS = {"query": "search for: ", "passage": "Paris: "}
# Name -> (family, pooling, Normalize module, Dense module).
MODELS = {
    "mean": ("bert", "mean", False, False),
    "mean of byte pairs": ("roberta", "mean", True, False),
    "cls": ("bert", "cls", True, False),
    "max": ("bert", "max", False, False),
    "dense": ("bert", "mean", False, True),
    "cls, dense, normalized": ("bert", "cls", True, True),
}
# Each piece's length differs, some are cut (48 tokens), one has no token of its own.
TEXTS = [
    *CORPUS,
    *(" ".join(CORPUS)[start : start + 7 * start + 3] for start in range(24)),
    "",
    "x",
    "  spaces around, and a line end \n",
    "Un café, s'il vous plaît 🙂",
    "long " * 60,
]
random.Random(5).shuffle(TEXTS)


class Pair(NamedTuple):
    """One checkpoint, opened by both."""

    ours: Embedding
    theirs: Any

    def vectors(self, texts: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        """Embed with the same arguments."""
        return self.ours.encode(texts, **options), self.expected(texts, **options)

    def expected(self, texts: Any, **options: Any) -> np.ndarray:
        """Embed with sentence-transformers."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(self.theirs.encode(texts, show_progress_bar=False, **options))


Open = Callable[..., Pair]


@pytest.fixture(scope="module")
def opened(checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Name of a model -> the pair, made once; options are sentence-transformers' own."""
    made: dict[Any, Pair] = {}

    def open_pair(name: str, **options: Any) -> Pair:
        key = (name, *options)
        if key not in made:
            family, mode, normalize, dense = MODELS[name]
            base = checkpoint(family, "feature-extraction")
            folder = save_sentence_model(
                tmp_path_factory.mktemp("model") / "st",
                base,
                mode,
                normalize=normalize,
                dense=dense,
                **options,
            )
            made[key] = _open(folder, tmp_path_factory.mktemp("bundle") / "out")
        return made[key]

    return open_pair


def _open(folder: Path, bundle: Path) -> Pair:
    ours = edge_distil.load(shelf.export(folder, bundle).path, variant="fp32")
    assert isinstance(ours, Embedding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        return Pair(ours, SentenceTransformer(str(folder), device="cpu", local_files_only=True))


def close(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=VECTOR_TOLERANCE)


@pytest.mark.parametrize("name", MODELS)
def test_modules_normalisation_and_truncation(name: str, opened: Open) -> None:
    pair = opened(name)
    for options in (
        {},
        {"normalize_embeddings": True},
        {"truncate_dim": 7},
        {"truncate_dim": 7, "normalize_embeddings": True},
        {"truncate_dim": 1000},
    ):
        close(*pair.vectors(TEXTS, **options))
    cut = pair.ours.encode(TEXTS, truncate_dim=7, normalize_embeddings=True)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_precisions(precision: Any, opened: Open) -> None:
    pair = opened("mean")
    for options in ({}, {"truncate_dim": 8, "normalize_embeddings": True}):
        got, expected = pair.vectors(TEXTS, precision=precision, **options)
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        if precision.endswith("int8"):  # a last bit may carry a value over the border of a level
            assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1
            assert (got == expected).mean() > 0.99
        else:
            # A sign may hang on a last bit, too: only values that are near zero may differ.
            differ = np.unpackbits((got ^ expected).view(np.uint8), axis=1).astype(bool)
            vectors = pair.expected(TEXTS, **options)
            assert np.abs(vectors)[differ].max(initial=0) < VECTOR_TOLERANCE
            assert differ.mean() < 0.01


@pytest.mark.parametrize("precision", ["float32", "int8", "uint8", "binary", "ubinary"])
def test_equal_vectors_quantize_to_equal_bytes(precision: Any, opened: Open) -> None:
    from sentence_transformers.util import quantize_embeddings as theirs

    vectors = opened("mean").ours.encode(TEXTS)
    ranges = np.stack([vectors.min(axis=0) * 0.9, vectors.max(axis=0) * 1.1])
    for limits in (None, ranges):
        expected = theirs(vectors, precision=precision, ranges=limits)
        got = quantize_embeddings(vectors, precision, limits)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_a_single_vector_has_no_range(precision: Any, opened: Open) -> None:
    pair = opened("mean")
    for texts in ("one text", ["one text"]):
        with pytest.raises(ValueError, match="single"):
            pair.expected(texts, precision=precision)
        with pytest.raises(ValueError, match="single"):
            pair.ours.encode(texts, precision=precision)


@pytest.mark.parametrize("precision", ["float32", "binary", "ubinary"])
def test_a_single_text_gives_one_vector(precision: Any, opened: Open) -> None:
    got, expected = opened("mean").vectors("one text", precision=precision)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(got, expected, rtol=0, atol=VECTOR_TOLERANCE)


@pytest.mark.parametrize("options", [
    {"prompt_name": "query"},
    {"prompt_name": "passage", "normalize_embeddings": True},
    {"prompt": "Ada lived in "},
    {"prompt": "Ada lived in ", "prompt_name": "query"},
    {"prompt": ""},
    {},
])  # fmt: skip
@pytest.mark.parametrize("default", [None, "passage"])
def test_prompts(options: dict[str, Any], default: str | None, opened: Open) -> None:
    chosen = {"default_prompt_name": default} if default else {}
    pair = opened("mean", prompts=PROMPTS, **chosen)
    close(*pair.vectors(TEXTS, **options))
    assert not np.allclose(pair.ours.encode(TEXTS, prompt_name="query"), pair.ours.encode(
        TEXTS, prompt=""), atol=1e-3)  # fmt: skip


def test_an_unknown_prompt_is_refused(opened: Open) -> None:
    pair = opened("mean", prompts=PROMPTS)
    with pytest.raises(ValueError, match="absent"):
        pair.expected("x", prompt_name="absent")
    with pytest.raises(ValueError, match="absent"):
        pair.ours.encode("x", prompt_name="absent")


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_batch_sizes(size: int, opened: Open) -> None:
    close(*opened("mean").vectors(TEXTS, batch_size=size))


def test_any_iterable_and_its_order(opened: Open) -> None:
    pair = opened("mean of byte pairs")
    alone = np.stack([pair.expected(text) for text in TEXTS])
    for texts in (tuple(TEXTS), np.array(TEXTS), (text for text in TEXTS)):
        close(pair.ours.encode(texts), alone)


@pytest.mark.parametrize("precision", ["float32", "int8", "uint8", "binary", "ubinary"])
def test_no_text_at_all(precision: Any, opened: Open) -> None:
    got, expected = opened("mean").vectors([], precision=precision)
    assert len(got) == len(expected) == 0
    # sentence-transformers' own has neither dimension nor type; with these, results can be joined.
    several = opened("mean").ours.encode(TEXTS, precision=precision)
    assert (got.shape[1], got.dtype) == (several.shape[1], several.dtype)


def test_lower_case_of_the_checkpoint_s_settings(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    base = checkpoint("roberta", "feature-extraction")  # its tokenizer leaves capitals
    folder = save_sentence_model(tmp_path / "st", base, "mean", normalize=False, dense=False)
    settings = folder / "sentence_bert_config.json"
    written = json.loads(settings.read_text(encoding="utf-8")) | {"do_lower_case": True}
    settings.write_text(json.dumps(written), encoding="utf-8")
    pair = _open(folder, tmp_path / "out")
    texts = [text.upper() for text in CORPUS]
    close(*pair.vectors(texts))
    assert np.array_equal(
        pair.ours.encode(texts), pair.ours.encode([text.lower() for text in texts])
    )
