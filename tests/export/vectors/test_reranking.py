"""Reranking against sentence-transformers' CrossEncoder, loaded as its users load it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from originals import edit
from same_bits import WORDS, differences

import edge_distil as ed
from edge_distil.errors import InputError, InputTypeError, TaskError

TOLERANCE = 1e-5
# Eight bits, in a model of two layers that averages little: what an untrained one loses.
INT8_ERROR, INT8_CORRELATION = 0.1, 0.995
SEEDS = range(7, 19)
QUERY = "Who keeps the light house? Où était le café?"
PASSAGES = [
    "the quick brown fox",
    "",
    " ",
    "😀🎉👩‍🚀",
    "東京は日本の首都です。",
    "Ada keeps the light",
    "the dog sleeps on " * 30,
    "Ada keeps the light",
]
# Family, activation that is saved (None: none, as in a plain checkpoint), longest sequence.
CASES = {
    "bert, Identity": ("bert", torch.nn.Identity(), 64),
    "xlm-roberta, plain": ("xlm-roberta", None, 31),
    "distilbert, Sigmoid": ("distilbert", torch.nn.Sigmoid(), 17),
}
INT8 = "bert, Identity"
WIDE = {"hidden_size": 128, "intermediate_size": 256}  # sums of 32 products average little out


def library(folder: Path, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import CrossEncoder

        return CrossEncoder(str(folder), device="cpu", local_files_only=True, **options)


@pytest.fixture(scope="module")
def ranker(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Any, Path]]:
    """Case (and seed) -> the library's model, and the bundle of it, each made once."""
    made: dict[tuple[str, int], tuple[Any, Path]] = {}

    def make(case: str, seed: int = SEEDS[0]) -> tuple[Any, Path]:
        if (case, seed) not in made:
            family, activation, longest = CASES[case]
            folder = tmp_path_factory.mktemp("cross") / family
            plain = checkpoint(
                family,
                "text-classification",
                num_labels=1,
                seed=seed,
                **(WIDE if case == INT8 else {}),
            )
            model = library(plain, max_length=longest)
            if activation is not None:
                model.activation_fn = activation
                model.save_pretrained(str(folder))
            else:
                model[0].model.save_pretrained(folder)
                model.tokenizer.save_pretrained(folder)
                edit(folder / "tokenizer_config.json", model_max_length=longest)
            bundle = shelf.export(folder, folder.with_name("bundle"))
            if case == INT8:
                shelf.quantize(bundle)
            made[case, seed] = library(folder), bundle.path
        return made[case, seed]

    return make


def opened(path: Path, **options: Any) -> ed.Reranker:
    return ed.load(path, task="reranking", **options)


@pytest.mark.parametrize("case", CASES)
def test_the_order_and_scores_are_the_librarys(case: str, ranker: Any) -> None:
    model, path = ranker(case)
    wanted = model.rank(QUERY, PASSAGES, return_documents=True, show_progress_bar=False)
    found = opened(path)(QUERY, PASSAGES)
    np.testing.assert_allclose(
        [passage.score for passage in found], [w["score"] for w in wanted], rtol=0, atol=TOLERANCE
    )
    scores = {w["corpus_id"]: w["score"] for w in wanted}
    for passage in found:
        assert passage.score == pytest.approx(scores[passage.index], abs=TOLERANCE)
        assert passage.text == PASSAGES[passage.index]
    assert opened(path)(QUERY, iter(PASSAGES), top_k=3) == found[:3]


@pytest.mark.parametrize("case", CASES)
def test_pairs_of_any_length_are_cut_as_the_library_cuts_them(case: str, ranker: Any) -> None:
    model, path = ranker(case)
    chance = random.Random(5)
    lengths = [0, 1, 5, 6, 7, 8, 12, 13, 14, 25, 29, 30, 31, 60, 200]
    pairs = [
        (" ".join(chance.choices(WORDS, k=first)), " ".join(chance.choices(WORDS, k=second)))
        for first in lengths
        for second in lengths
    ]
    wanted = model.predict(pairs, show_progress_bar=False)
    reranker = opened(path)
    found = reranker.score(pairs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(list(reranker.stream(iter(pairs))), found)
    assert reranker.score([]).shape == (0,)


def test_another_function_than_the_checkpoints(ranker: Any) -> None:
    model, path = ranker("xlm-roberta, plain")
    reranker = opened(path)
    for function, activation in (("none", torch.nn.Identity()), ("sigmoid", torch.nn.Sigmoid())):
        wanted = model.predict(
            [(QUERY, text) for text in PASSAGES],
            activation_fn=activation,
            show_progress_bar=False,
        )
        found = reranker.score([(QUERY, t) for t in PASSAGES], function_to_apply=function)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    with pytest.raises(InputError, match="function_to_apply is 'tanh', expected one of sigmoid"):
        reranker(QUERY, PASSAGES, function_to_apply="tanh")


@pytest.mark.wide
def test_int8_ranks(ranker: Any) -> None:
    """Of a dozen random models on the whole: one alone is a draw, of 0.04 to 0.17."""
    errors, correlations = [], []
    pairs = [(QUERY, text) for text in PASSAGES]
    for seed in SEEDS:
        model, path = ranker(INT8, seed)
        wanted = model.predict(pairs, show_progress_bar=False)
        found = opened(path, variant="int8").score(pairs)
        # Logits, whose size is that of the weights: the error is held against how they differ.
        errors.append(np.sqrt(np.mean((found - wanted) ** 2)) / np.std(wanted))
        correlations.append(np.corrcoef(found, wanted)[0, 1])
    assert np.exp(np.mean(np.log(errors))) < INT8_ERROR
    assert np.mean(correlations) > INT8_CORRELATION


texts = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)


@pytest.mark.parametrize("variant", ["fp32", "int8"])
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(texts, min_size=1, max_size=40), st.sampled_from((1, 2)), st.randoms())
def test_no_company_moves_a_bit(
    ranker: Any, variant: str, given: list[str], threads: int, random: Any
) -> None:
    reranker = opened(ranker(INT8)[1], variant=variant, threads=threads)
    assert differences(reranker, given, random) == []


def test_a_stream_of_passages_takes_little_memory(ranker: Any) -> None:
    """The passages that live are the best, and those of the block that is read."""
    alive = most = 0

    class Passage(str):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def passages() -> Iterator[str]:
        nonlocal alive, most
        for number in range(5_000):
            alive += 1
            most = max(most, alive)
            yield Passage(f"the dog {number}")

    found = opened(ranker(INT8)[1])("who", passages(), top_k=5)
    assert len({passage.index for passage in found}) == 5
    assert most < 2_200  # two blocks of 1,024: one runs while the other is read


def test_pairs_are_read_as_they_are_needed(ranker: Any) -> None:
    read = 0

    def pairs() -> Iterator[tuple[str, str]]:
        nonlocal read
        while True:
            read += 1
            yield "who", f"the dog {read}"

    scores = opened(ranker(INT8)[1]).stream(pairs())
    assert np.isfinite(next(scores))
    assert read <= 8


def test_what_is_no_query_and_no_passage(ranker: Any) -> None:
    reranker: Any = opened(ranker(INT8)[1])
    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: reranker(None, PASSAGES), InputTypeError, "query is None, expected str"),
        (lambda: reranker("a\ud800", PASSAGES), InputError, "^query has half a surrogate pair"),
        (lambda: reranker("a", "text"), InputTypeError, "passages is a str, expected a list"),
        (lambda: reranker("a", ["b", 3]), InputTypeError, "passage 1 is an int, expected str"),
        (lambda: reranker("a", ["b", "\udc00"]), InputError, "^passage 1 has half a surrogate"),
        (lambda: reranker("a", ["b"], top_k=0), InputError, "top_k is 0, expected at least 1"),
        (lambda: reranker.score(["ab"]), InputTypeError, "pair 0 is a str, expected a tuple"),
        (lambda: reranker.score([("a", 1)]), InputTypeError, "pair 0: the passage is an int"),
    ]
    for call, error, message in wrong:
        with pytest.raises(error, match=message):
            call()
    assert reranker("a", []) == []
    as_dict = {"query": "a", "passage": "b"}
    assert reranker.score([as_dict]).tolist() == reranker.score([("a", "b")]).tolist()


def test_several_scores_are_refused(tiny: Path) -> None:
    with pytest.raises(TaskError, match="gives a pair 3 scores, expected one: load it with task="):
        ed.load(tiny / "text_classification", task="reranking")
    with pytest.raises(TaskError, match="sentence-similarity bundle, expected text-class"):
        ed.load(tiny / "embedding", task="reranking")
