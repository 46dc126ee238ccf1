"""``edge-distil run`` with a query or with labels: as the original libraries say it."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import shelf
import torch
import transformers
from command import Command

from edge_distil.bundle import open_bundle

TOLERANCE = 1e-5
QUERY = "who keeps the light"
PASSAGES = ["the cat sat", "", "Ada keeps the light.", "a charming film"]
LABELS = "a film, the sea"
NAMES = ("contradiction", "neutral", "entailment")


def classifier(tiny: Path, folder: Path, labels: int) -> Path:
    """A checkpoint of random weights around the tokenizer of a tiny bundle."""
    shutil.copytree(tiny / "text_classification", folder, ignore=shutil.ignore_patterns("*.onnx"))
    (folder / "edge_distil.json").unlink()
    shutil.rmtree(folder / "onnx")
    config = transformers.AutoConfig.from_pretrained(folder)
    config.id2label = dict(enumerate(NAMES[:labels]))
    config.label2id = {name: place for place, name in config.id2label.items()}
    torch.manual_seed(5)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ranking(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A cross-encoder, and its bundle."""
    folder = tmp_path_factory.mktemp("ce")
    checkpoint = classifier(tiny, folder / "checkpoint", 1)
    return checkpoint, shelf.export(checkpoint, folder / "bundle").path


@pytest.fixture(scope="module")
def nli(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model of entailment, and its bundle."""
    folder = tmp_path_factory.mktemp("nli")
    checkpoint = classifier(tiny, folder / "checkpoint", 3)
    return checkpoint, shelf.export(checkpoint, folder / "bundle").path


def ranked(checkpoint: Path) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import CrossEncoder

        model = CrossEncoder(str(checkpoint), device="cpu", local_files_only=True)
        return list(model.rank(QUERY, PASSAGES, return_documents=True, show_progress_bar=False))


def test_passages_in_the_librarys_order(
    ranking: tuple[Path, Path], edge_distil: Command, tmp_path: Path
) -> None:
    checkpoint, bundle = ranking
    wanted = ranked(checkpoint)
    text = "".join(f"{passage}\n" for passage in PASSAGES)
    (tmp_path / "passages.txt").write_text(text)
    file = ("--file", tmp_path / "passages.txt")
    done = [
        edge_distil("run", bundle, "-q", QUERY, "--json", *PASSAGES),
        edge_distil("run", bundle, "-q", QUERY, "--json", *file),
        edge_distil("run", bundle, "-q", QUERY, "--json", stdin=text.encode()),
    ]
    for result in done:
        [said] = json.loads(result.out)["items"]
        assert said["input"] == QUERY
        assert [(r["index"], r["text"]) for r in said["results"]] == [
            (w["corpus_id"], w["text"]) for w in wanted
        ]
        for found, want in zip(said["results"], wanted, strict=True):
            assert found["score"] == pytest.approx(want["score"], abs=TOLERANCE)
    best = edge_distil("run", bundle, "-q", QUERY, "--top-k", "1", *file).out
    want = wanted[0]
    assert best.split() == [f"{want['score']:.4f}", str(want["corpus_id"]), *want["text"].split()]


def test_one_score_a_pair(ranking: tuple[Path, Path], edge_distil: Command, tmp_path: Path) -> None:
    """Its value is shown, a correlation measured, and what int8 costs is told by the value."""
    checkpoint, made = ranking
    bundle = shelf.quantize(shutil.copytree(made, tmp_path / "bundle")).path
    wanted = {w["text"]: w["score"] for w in ranked(checkpoint)}
    text = PASSAGES[2]
    said = json.loads(edge_distil("run", bundle, QUERY, "--pair", text, "--json").out)
    [[result]] = [item["results"] for item in said["items"]]
    assert result["score"] == pytest.approx(wanted[text], abs=TOLERANCE)
    scored = [passage for passage in PASSAGES if passage]
    order = sorted(scored, key=wanted.__getitem__)
    rows = "".join(f"{QUERY},{passage},{order.index(passage)}\n" for passage in scored)
    (tmp_path / "stsb.csv").write_text(rows)
    said = json.loads(edge_distil("eval", bundle, "--data", tmp_path / "stsb.csv", "--json").out)
    assert said["fp32"]["metrics"]["spearman"] == pytest.approx(100)
    assert list(said["int8"]["metrics"]) == ["spearman", "pearson"]
    assert list(said["int8"]["fidelity"]) == [
        "count", "max_difference", "mean_difference", "spearman",
    ]  # fmt: skip
    fidelity = open_bundle(bundle).manifest.variants["int8"].evidence["fidelity"]
    shown = " ".join(edge_distil("inspect", bundle).out.replace("│", " ").split())
    assert f"{fidelity['mean_abs_diff']:.2g} from fp32's score, which spreads by" in shown
    checks = " ".join(edge_distil("doctor", bundle, "--threads", "1").out.split())
    assert "on average, of scores that spread by" in checks


@pytest.mark.parametrize("multi", [False, True])
def test_labels_of_the_pipeline(multi: bool, nli: tuple[Path, Path], edge_distil: Command) -> None:
    checkpoint, bundle = nli
    pipeline = transformers.pipeline("zero-shot-classification", str(checkpoint), device="cpu")
    texts = [PASSAGES[0], *PASSAGES[2:]]
    template = "the light is {}"
    wanted = pipeline(texts, LABELS, hypothesis_template=template, multi_label=multi)
    flags = ["--labels", LABELS, "--template", template, *(["--multi-label"] if multi else [])]
    found = json.loads(edge_distil("run", bundle, "--json", *flags, *texts).out)["items"]
    for said, want in zip(found, wanted, strict=True):
        assert [label["label"] for label in said["results"]] == want["labels"]
        scores = [label["score"] for label in said["results"]]
        assert scores == pytest.approx(want["scores"], abs=TOLERANCE)
    lines = "".join(f"{text}\n" for text in texts).encode()
    shown = edge_distil("run", bundle, *flags, "--top-k", "1", stdin=lines).out.splitlines()
    assert [line.split("  ", 1)[1] for line in shown] == [want["labels"][0] for want in wanted]


def test_what_does_not_go_together(
    tiny: Path, ranking: tuple[Path, Path], nli: tuple[Path, Path], edge_distil: Command
) -> None:
    for status, message, words in (
        (2, "--question is not for a", [tiny / "embedding", "-q", QUERY, "a"]),
        (2, "--context is not for a", [ranking[1], "-q", QUERY, "-c", "a"]),
        (2, "--labels is not for a", [tiny / "embedding", "--labels", LABELS, "a"]),
        (2, "--labels and --pair do not", [nli[1], "--labels", LABELS, "a", "--pair", "b"]),
        (2, "go with --labels", [nli[1], "--template", "{}", "a"]),
        (2, "go with --labels", [nli[1], "--multi-label", "a"]),
        (1, "gives a pair 3 scores, expected one", [nli[1], "-q", QUERY, "a"]),
        (1, "expected one that begins with", [ranking[1], "--labels", LABELS, "a"]),
        (2, "expected {} where the label goes", [nli[1], "--labels", "x", "--template", "y", "a"]),
        (2, "holds no label", [nli[1], "--labels", " , ", "a"]),
    ):
        done = edge_distil("run", *words)
        assert (done.status, done.out) == (status, "")
        assert message in " ".join(done.err.replace("│", " ").split())
