"""Zero-shot classification against transformers' pipeline, loaded as its users load it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from originals import edit
from same_bits import WORDS, differences

import edge_distil as ed
from edge_distil.errors import InputError, InputTypeError, TaskError

TOLERANCE = 1e-5
INT8_SCORE = 0.03  # a probability, of a model of two layers that averages little
LABELS = ["a film", "the sea and a storm", "😀", "カフェ", "a film and the sea"]
TEXTS = [
    "the dog sleeps",
    " ",
    "😀🎉👩‍🚀 café",
    "東京は日本の首都です。",
    "the quick brown fox " * 40,
]
# Family, label2id and the longest sequence; labels of other indices have other names.
CASES = {
    "bert": ("bert", {"contradiction": 0, "neutral": 1, "entailment": 2}, 64),
    "xlm-roberta": ("xlm-roberta", {"ENTAILMENT": 1, "CONTRADICTION": 0, "NEUTRAL": 2}, 41),
    "distilbert": ("distilbert", {"entailed": 0, "not_entailment": 1}, 40),
    "label2id decides": ("bert", {"Entail": 1, "zero": 0, "two": 2}, 64),
}
INT8 = "bert"


@pytest.fixture(scope="module")
def labeller(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Any, Path]]:
    """Case -> the pipeline, and the bundle of the same checkpoint, each made once."""
    made: dict[str, tuple[Any, Path]] = {}

    def make(case: str) -> tuple[Any, Path]:
        if case not in made:
            family, places, longest = CASES[case]
            folder = tmp_path_factory.mktemp("nli") / family
            plain = checkpoint(family, "text-classification", num_labels=len(places))
            shutil.copytree(plain, folder)
            names = {str(place): name for name, place in places.items()}
            if case == "label2id decides":
                names = {"0": "entailment", "1": "one", "2": "two"}
            edit(folder / "config.json", label2id=places, id2label=names)
            edit(folder / "tokenizer_config.json", model_max_length=longest)
            bundle = shelf.export(folder, folder.with_name("bundle"))
            if case == INT8:
                shelf.quantize(bundle)
            pipeline = transformers.pipeline("zero-shot-classification", str(folder), device="cpu")
            made[case] = pipeline, bundle.path
        return made[case]

    return make


def opened(path: Path, **options: Any) -> ed.ZeroShotClassification:
    return ed.load(path, task="zero-shot-classification", **options)


def check(found: list[ed.Label], wanted: dict[str, Any], tolerance: float = TOLERANCE) -> None:
    scores = [label.score for label in found]
    np.testing.assert_allclose(scores, wanted["scores"], rtol=0, atol=tolerance)
    by_name = dict(zip(wanted["labels"], wanted["scores"], strict=True))
    for label in found:
        assert label.score == pytest.approx(by_name[label.label], abs=tolerance)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_labels_are_the_pipelines(case: str, multi_label: bool, labeller: Any) -> None:
    pipeline, path = labeller(case)
    zero_shot = opened(path)
    for labels in (LABELS, LABELS[:1], "a film, the sea,, a storm "):
        found = zero_shot.batch(TEXTS, labels, multi_label=multi_label)
        wanted = pipeline(TEXTS, labels, multi_label=multi_label)
        for ours, theirs in zip(found, wanted, strict=True):
            check(ours, theirs)
        assert list(zero_shot.stream(iter(TEXTS), labels, multi_label=multi_label)) == found
        assert zero_shot(TEXTS[0], labels, multi_label=multi_label) == found[0]


@pytest.mark.parametrize("case", ["bert", "xlm-roberta"])
def test_a_text_of_any_length_is_cut_and_no_hypothesis(case: str, labeller: Any) -> None:
    pipeline, path = labeller(case)
    chance = random.Random(5)
    texts = [" ".join(chance.choices(WORDS, k=length)) for length in (*range(1, 40), 3_000)]
    template = "Où était {} the light house?"
    labels = ["café", "the old film and the sea"]
    found = opened(path).batch(texts, labels, hypothesis_template=template)
    wanted = pipeline(texts, labels, hypothesis_template=template)
    for ours, theirs in zip(found, wanted, strict=True):
        check(ours, theirs)


def test_int8_labels(labeller: Any) -> None:
    pipeline, path = labeller(INT8)
    found = opened(path, variant="int8").batch(TEXTS, LABELS)
    for ours, theirs in zip(found, pipeline(TEXTS, LABELS), strict=True):
        check(ours, theirs, INT8_SCORE)


texts = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)


@pytest.mark.parametrize("variant", ["fp32", "int8"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(texts, min_size=1, max_size=40), st.sampled_from((1, 2)), st.randoms())
def test_no_company_moves_a_bit(
    labeller: Any, variant: str, given: list[str], threads: int, random: Any
) -> None:
    zero_shot = opened(labeller(INT8)[1], variant=variant, threads=threads)
    assert differences(zero_shot, given, random) == []


def test_texts_are_read_as_they_are_needed(labeller: Any) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield f"the dog {read}"

    labels = opened(labeller(INT8)[1]).stream(endless(), ["a film", "the sea"])
    assert len(next(labels)) == 2
    assert read <= 4  # eight pairs


def test_what_is_no_text_and_no_label(labeller: Any) -> None:
    zero_shot: Any = opened(labeller(INT8)[1])
    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: zero_shot(["a"], ["b"]), InputTypeError, "text is a list, expected str"),
        (lambda: zero_shot("", ["b"]), InputError, "^text is '', expected some text"),
        (lambda: zero_shot.batch(["a", ""], ["b"]), InputError, "^text 1 is '', expected some"),
        (lambda: zero_shot.batch("a", ["b"]), InputTypeError, "texts is a str, expected a list"),
        (lambda: zero_shot.batch(["a", "\ud800"], "b,c"), InputError, "^text 1 has half a surr"),
        (lambda: zero_shot("a", []), InputError, "holds no label, expected at least one"),
        (lambda: zero_shot("a", " , "), InputError, "holds no label, expected at least one"),
        (lambda: zero_shot("a", ["b", 3]), InputTypeError, "^candidate label 1 is an int"),
        (lambda: zero_shot("a", ["b", "\ud800"]), InputError, "^candidate label 1 has half a sur"),
        (lambda: zero_shot("a", ["b", "c " * 70]), InputError, "^candidate label 1 makes a hypo"),
        (lambda: zero_shot("a", ["b"], multi_label=1), InputTypeError, "multi_label is 1"),
        (lambda: zero_shot.batch(["a"], ["b"], batch_size=0), InputError, "batch_size is 0"),
    ]
    for template in ("no place", "{{}}", "{", "{label}", "{} {}", "{0.nothing}"):
        call = lambda template=template: zero_shot("a", ["b"], hypothesis_template=template)  # noqa: E731
        wrong.append((call, InputError, "^hypothesis_template is .*, expected {} where the label"))
    for call, error, message in wrong:
        with pytest.raises(error, match=message):
            call()
    assert zero_shot.batch([], ["b"]) == []


def test_a_model_without_entailment_is_refused(tiny: Path) -> None:
    with pytest.raises(
        TaskError, match="labels bad, fair, good, expected one that begins with 'en"
    ):
        ed.load(tiny / "text_classification", task="zero-shot-classification")
