"""One score a pair: regressions and cross-encoders, as the original libraries say it."""

from __future__ import annotations

import csv
import json
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
import torch
import transformers
from originals import edit
from same_bits import WORDS

import edge_distil as ed
from edge_distil.errors import DataError
from edge_distil.evaluate import compare, evaluate

pytestmark = pytest.mark.slow  # tests/apps/cli/answers and the golden cases take a sample
TOLERANCE = 1e-5
PERCENT = 1e-3  # of a correlation in percent
INT8_ERROR, INT8_RANKS = 0.15, 0.98  # of a model of two layers that averages little
LONGEST = 41
PAIRS = [
    ("Ada keeps the light.", "The light is kept."),
    ("", "the dog sleeps"),
    ("😀🎉 café", "東京は日本の首都です。"),
    ("the quick brown fox " * 40, "the dog"),
    ("Paris", "the dog sleeps on " * 30),
    ("the dog " * 60, "the fox " * 60),
]


@pytest.fixture(scope="module")
def regression(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A checkpoint as transformers' Trainer saves a regression of pairs, and its bundle."""
    folder = tmp_path_factory.mktemp("regression") / "checkpoint"
    plain = checkpoint("bert", "text-classification", num_labels=1, problem_type="regression")
    shutil.copytree(plain, folder)
    edit(folder / "tokenizer_config.json", model_max_length=LONGEST)
    bundle = shelf.export(folder, folder.with_name("bundle"))
    shelf.quantize(bundle)
    return folder, bundle.path


def library(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import CrossEncoder

        return CrossEncoder(str(folder), device="cpu", local_files_only=True)


def rows(count: int = 60) -> list[tuple[str, str, float]]:
    chance = random.Random(3)
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(1, 30))) for _ in range(2 * count)]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [(first, second, round(chance.uniform(0, 5), 3)) for first, second in pairs]


def table(path: Path, header: list[str], content: list[Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows([header, *content] if header else content)
    return path


def lines(path: Path, names: list[str], content: list[Any]) -> Path:
    objects = (dict(zip(names, row, strict=True)) for row in content)
    path.write_text("".join(json.dumps(row) + "\n" for row in objects))
    return path


def test_the_value_of_a_pair_is_the_pipelines(regression: Any) -> None:
    folder, path = regression
    pipeline = transformers.pipeline("text-classification", str(folder), device="cpu")
    wanted = [
        pipeline({"text": first, "text_pair": second}, truncation=True) for first, second in PAIRS
    ]
    values = [w["score"] for w in wanted]
    assert np.ptp(values) > 100 * TOLERANCE
    task = ed.load(path, task="text-classification")
    for pair, (found,), want in zip(PAIRS, task.batch(PAIRS), wanted, strict=True):
        assert found.label == want["label"] == "LABEL_0"
        assert found.score == pytest.approx(want["score"], abs=TOLERANCE)
        assert task(*pair) == [found]


def test_several_values_are_all_raw(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = checkpoint("bert", "text-classification", num_labels=3, problem_type="regression")
    pipeline = transformers.pipeline("text-classification", str(folder), device="cpu")
    task = ed.load(shelf.export(folder, tmp_path / "out").path, task="text-classification")
    for text in ("the dog sleeps", "Ada"):
        want = {w["label"]: w["score"] for w in pipeline(text, top_k=None)}
        found = {label.label: label.score for label in task(text, top_k=None)}
        assert found == pytest.approx(want, abs=TOLERANCE)


@pytest.mark.parametrize("activation", [None, torch.nn.Identity(), torch.nn.Sigmoid()], ids=str)
def test_a_cross_encoder_of_it_predicts_what_ours_does(
    activation: Any, regression: Any, tmp_path: Path
) -> None:
    folder, path = regression
    model = library(folder)
    if activation is not None:
        model.activation_fn = activation
        model.save_pretrained(str(tmp_path / "ce"))
        path = shelf.export(tmp_path / "ce", tmp_path / "out").path
        model = library(tmp_path / "ce")
        task = ed.load(path, task="text-classification")
        found = [label.score for [label] in task.batch(PAIRS)]
        wanted = model.predict(PAIRS, show_progress_bar=False)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    scores = ed.load(path, task="reranking").score(PAIRS)
    wanted = model.predict(PAIRS, show_progress_bar=False)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=TOLERANCE)


def correlations(model: Any, content: list[tuple[str, str, float]]) -> dict[str, float]:
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderCorrelationEvaluator

    pairs, gold = [[first, second] for first, second, _ in content], [row[2] for row in content]
    found = CrossEncoderCorrelationEvaluator(pairs, gold, show_progress_bar=False)(model)
    return {name.rsplit("_", 1)[-1]: 100 * value for name, value in found.items()}


def test_correlations_are_the_librarys(regression: Any, tmp_path: Path) -> None:
    folder, path = regression
    model = library(folder)
    model.activation_fn = torch.nn.Identity()
    content = rows()
    wanted = correlations(model, content)
    names, others = ["sentence1", "sentence2", "score"], ["text", "text_pair", "score"]
    task = ed.load(path)
    for file in (
        table(tmp_path / "stsb.csv", [], content),  # STS-B has no header
        table(tmp_path / "named.tsv", names, content),
        table(tmp_path / "texts.csv", others, content),
        lines(tmp_path / "a.jsonl", names, content),
        lines(tmp_path / "b.jsonl", others, content),
    ):
        found = evaluate(task, file)
        assert list(found.metrics) == ["spearman", "pearson"]
        assert found.metrics == pytest.approx(wanted, abs=PERCENT)
        assert (found.task, found.count) == ("text-classification", len(content))
    single = [(first, score) for first, _, score in content]
    alone = evaluate(task, lines(tmp_path / "c.jsonl", ["text", "score"], single))
    assert alone.metrics != pytest.approx(wanted, abs=PERCENT)


def test_int8_says_how_far_the_value_moves(regression: Any, tmp_path: Path) -> None:
    folder, path = regression
    content = rows()
    file = table(tmp_path / "stsb.csv", [], content)
    model = library(folder)
    model.activation_fn = torch.nn.Identity()
    wanted = model.predict([row[:2] for row in content], show_progress_bar=False)
    int8 = ed.load(path, variant="int8", task="text-classification")
    found = np.array([label.score for [label] in int8.batch([row[:2] for row in content])])
    difference = np.abs(found - wanted)
    assert difference.mean() < INT8_ERROR * wanted.std()
    told = compare(ed.load(path), int8, file)
    assert told.mean_difference == pytest.approx(difference.mean(), abs=TOLERANCE)
    assert told.max_difference == pytest.approx(difference.max(), abs=TOLERANCE)
    assert told.spearman is not None
    assert told.spearman > INT8_RANKS
    assert (told.agreement, told.cosine_mean) == (None, None)
    evidence = int8.bundle.manifest.variants["int8"].evidence["fidelity"]
    assert evidence["mean_abs_diff"] < INT8_ERROR * evidence["spread"]
    assert evidence["mean_abs_diff"] <= evidence["max_abs_diff"]


def test_what_is_no_pair_with_a_score(regression: Any, tmp_path: Path) -> None:
    task = ed.load(regression[1])
    for file, message in (
        (table(tmp_path / "a.csv", ["text", "label"], [("a", 1), ("b", 0)]), "needs rows of sent"),
        (table(tmp_path / "b.csv", ["text", "score"], [("a", "x"), ("b", 0)]), "the score is 'x'"),
        (table(tmp_path / "c.csv", [], [("a", "b", 1), ("c", "d", 1)]), "the same score in every"),
        (lines(tmp_path / "d.jsonl", ["text", "text_pair", "score"], [("a", "", 1)]), "text_pair"),
        (lines(tmp_path / "e.jsonl", ["sentence1", "score"], [("a", 1)]), "expected sentence1, s"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            evaluate(task, file)
        assert "\n" not in str(caught.value)


def test_pairs_with_scores_calibrate(regression: Any, tmp_path: Path) -> None:
    from edge_distil_quantize import quantize_bundle

    content = rows(40)
    copies = [shelf.export(regression[0], tmp_path / name) for name in ("one", "other")]
    files = (
        table(tmp_path / "stsb.csv", [], content),
        lines(tmp_path / "a.jsonl", ["text", "text_pair", "score"], content),
    )
    made = [
        quantize_bundle(bundle, "int8", data=file).manifest.variants["int8"]
        for bundle, file in zip(copies, files, strict=True)
    ]
    assert made[0].file.sha256 == made[1].file.sha256  # the same texts
    assert made[0].settings["calibration"]["inputs"] == len(content)
