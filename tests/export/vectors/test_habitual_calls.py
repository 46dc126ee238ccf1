"""What the users of the original libraries type, with what those libraries give."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
from tiny import save_sentence_model

import edge_distil as ed
from edge_distil import similarity
from edge_distil.bundle import Bundle
from edge_distil.errors import InputError

pytestmark = pytest.mark.wide

SCORE = 1e-5
TEXTS = ["A man is playing a guitar.", "Un café, s'il vous plaît", "Paris", "the dog sleeps"]
PROMPTS: dict[str, dict[str, Any]] = {
    "none": {},
    "both": {"prompts": {"query": "query: ", "document": "passage: "}},
    "default": {"prompts": {"query": "query: ", "x": "x: "}, "default_prompt_name": "x"},
    "passage": {"prompts": {"passage": "passage: "}, "default_prompt_name": "passage"},
    "corpus": {"prompts": {"corpus": "corpus: ", "query": ""}},
}


def sentence_transformer(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize("name", sorted(PROMPTS))
def test_queries_and_documents(name: str, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    base = checkpoint("bert", "feature-extraction")
    folder = save_sentence_model(
        tmp_path / "model", base, "mean", normalize=False, dense=False, **PROMPTS[name]
    )
    theirs = sentence_transformer(folder)
    ours = ed.Embedding.load(shelf.export(folder, tmp_path / "out").path)
    for options in ({}, {"prompt_name": "query"}, {"prompt": "say: "}, {"prompt": ""}):
        for method in ("encode", "encode_query", "encode_document"):
            for texts in (TEXTS, TEXTS[0]):
                np.testing.assert_allclose(
                    getattr(ours, method)(texts, **options),
                    getattr(theirs, method)(texts, **options),
                    atol=SCORE,
                    err_msg=f"{method} {options}",
                )
    with pytest.raises(InputError, match="no prompt ''"):
        ours.encode_query(TEXTS, prompt_name="")


@pytest.mark.parametrize("function", sorted(similarity.FUNCTIONS))
def test_similarities_are_the_librarys(function: str) -> None:
    from sentence_transformers import SimilarityFunction

    draw = np.random.default_rng(3)
    a, b = (draw.normal(size=(n, 12)).astype(np.float32) for n in (5, 4))
    a[2] = 0  # a zero vector is like nothing
    theirs = SimilarityFunction.to_similarity_fn(function)
    pairwise = SimilarityFunction.to_similarity_pairwise_fn(function)
    for first, second in ((a, b), (a[0], b), (a, b[1]), (a[0], b[1]), (list(a), b.tolist())):
        got = similarity.all_pairs(first, second, function)
        np.testing.assert_allclose(got, np.asarray(theirs(first, second)), atol=SCORE)
    for first, second in ((a[:4], b), (a[0], b[0])):
        got = similarity.pairwise(first, second, function)
        np.testing.assert_allclose(got, np.asarray(pairwise(first, second)), atol=SCORE)


def test_similarities_of_many_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    a, b = (draw.normal(size=(n, 12)).astype(np.float32) for n in (50, 7))
    whole = similarity.all_pairs(a, b, "manhattan")
    monkeypatch.setattr(similarity, "_AT_ONCE", 3 * b.size)
    np.testing.assert_array_equal(similarity.all_pairs(a, b, "manhattan"), whole)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), "one dimension"),
        (np.zeros((2, 3, 1)), np.zeros((2, 3)), "expected \\(n, dimension\\)"),
        (["a text"], np.zeros(3), "cannot be read as numbers"),
        (None, np.zeros(3), "expected"),
    ],
)
def test_what_is_no_embedding_is_refused(first: Any, second: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        similarity.all_pairs(first, second, "cosine")
    with pytest.raises(InputError):
        similarity.pairwise(first, second, "cosine")


def fill_mask_pipeline(folder: Path) -> Any:
    import transformers

    return transformers.pipeline("fill-mask", model=str(folder), device="cpu")


@pytest.mark.parametrize(
    ("family", "targets"),
    [
        ("bert", ["the", "paris", "Paris", "##s", "[PAD]"]),
        ("bert", "the"),
        ("roberta", [" the", "Ġthe", " dog", "s"]),
        ("roberta", " the"),
    ],
)
def test_targets_are_the_pipelines(
    family: str,
    targets: Any,
    checkpoint: Callable[..., Path],
    exported: Callable[..., Bundle],
) -> None:
    theirs = fill_mask_pipeline(checkpoint(family, "fill-mask"))
    ours = ed.FillMask.load(exported(family, "fill-mask").path)
    text = f"Paris is {theirs.tokenizer.mask_token} capital of France"
    expected = theirs(text, targets=targets, top_k=9)
    got = ours(text, targets=targets, top_k=9)
    assert [c.token for c in got] == [e["token_str"].strip() for e in expected]
    assert [c.score for c in got] == pytest.approx([e["score"] for e in expected], abs=SCORE)


@pytest.mark.parametrize("targets", [["xyzzyquux"], "", ["the", "two words"], "林", []])
def test_targets_that_are_no_token_are_refused(
    targets: Any, exported: Callable[..., Bundle]
) -> None:
    for family in ("bert", "roberta"):
        mask = {"bert": "[MASK]", "roberta": "<mask>"}[family]
        task = ed.FillMask.load(exported(family, "fill-mask").path)
        with pytest.raises(InputError, match="expected texts that are one token"):
            pytest.fail(str((family, task(f"a {mask}", targets=targets))))


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_every_mask_is_the_pipelines(
    family: str, checkpoint: Callable[..., Path], exported: Callable[..., Bundle]
) -> None:
    theirs = fill_mask_pipeline(checkpoint(family, "fill-mask"))
    ours = ed.FillMask.load(exported(family, "fill-mask").path)
    mask = theirs.tokenizer.mask_token
    text = f"{mask} is the {mask} of France"
    for got, expected in zip(ours.each_mask(text), theirs(text), strict=True):
        assert [c.score for c in got] == pytest.approx([e["score"] for e in expected], abs=SCORE)
    with pytest.raises(InputError, match="2 masks"):
        ours(text)


def test_masks_that_the_model_does_not_read_are_an_error(exported: Callable[..., Bundle]) -> None:
    """The pipeline fails as well on a text that is longer than the model."""
    task = ed.FillMask.load(exported("bert", "fill-mask").path)
    text = "[MASK] is the capital " + "and " * 80
    assert task(text, top_k=1)
    with pytest.raises(InputError, match="1 of the text's masks"):
        task(text + "[MASK]")
    with pytest.raises(InputError, match="0 of the text"):
        task("and " * 80 + "[MASK]")
