"""Static embeddings by the commands: from model2vec's directory to a search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import Command

pytest.importorskip("model2vec")

from scipy.stats import spearmanr
from static_embeddings.checkpoints import (
    TEXTS,
    answers_of_model2vec,
    of_model2vec,
    of_sentence_transformers,
)


def test_all_that_a_bundle_has_follows(edge_distil: Command, docs: Path, tmp_path: Path) -> None:
    model = of_model2vec(tmp_path / "potion", "BPE", normalize=True)
    out = tmp_path / "bundle"
    made = edge_distil("export", model, "-o", out, "--int8", "--fp16", "--int4")
    assert made.status == 0, made.err
    assert "nothing to calibrate" in made.err

    seen = edge_distil("inspect", out).out
    assert "model2vec" in seen
    assert "512 tokens" in seen
    assert "weights as 8-bit integers, computed with 32-bit floats; not calibrated" in " ".join(
        seen.split()
    )

    lines = tmp_path / "texts.txt"
    lines.write_text("the quick fox\nParis\n🍕\nthe lazy dog\n", "utf-8")
    assert edge_distil("embed", out, lines, "-o", tmp_path / "x.npy").status == 0
    rows = lines.read_text("utf-8").splitlines()
    expected = answers_of_model2vec(model, rows)
    assert np.abs(np.load(tmp_path / "x.npy") - expected).max() <= 1e-5

    pairs = tmp_path / "pairs.csv"
    pairs.write_text("the fox,the dog,3.5\nParis,London,2\nthe fox,the fox,5\n", "utf-8")
    first, second = (
        answers_of_model2vec(model, side)
        for side in (["the fox", "Paris", "the fox"], ["the dog", "London", "the fox"])
    )
    expected = 100 * spearmanr((first * second).sum(axis=1), [3.5, 2, 5]).statistic
    scores = json.loads(edge_distil("eval", out, "--data", pairs, "--json").out)
    found = {name: result["metrics"]["spearman"] for name, result in scores.items()}
    assert found == pytest.approx(dict.fromkeys(("fp32", "int8", "fp16", "int4"), expected))

    assert edge_distil("run", out, "the fox", "the dog", "--json").status == 0
    index = tmp_path / "index"
    assert edge_distil("search", "--build", docs, "-o", index, "--bundle", out).status == 0
    assert edge_distil("search", index, "light").out.strip()
    assert edge_distil("doctor", out).status == 0


def test_a_table_without_a_limit_says_so(edge_distil: Command, tmp_path: Path) -> None:
    model = of_sentence_transformers(tmp_path / "model")
    assert edge_distil("export", model, "-o", tmp_path / "out").status == 0
    assert "any number of tokens" in edge_distil("inspect", tmp_path / "out").out
    long = " ".join([TEXTS[0]] * 3000)
    assert edge_distil("run", tmp_path / "out", long, "--json").status == 0
