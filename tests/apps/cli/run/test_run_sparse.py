"""`run` and `eval` of a sparse bundle: tokens and weights of SparseEncoder, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Command


@pytest.fixture
def splade(tiny: Path) -> Path:
    return tiny / "sparse_embedding"


def test_run_shows_the_heaviest_tokens(
    splade: Path, truth: Callable[[str], Any], edge_distil: Command
) -> None:
    known = truth("sparse_embedding")
    text, tokens = known["texts"][1], known["tokens"][1]
    lines = edge_distil("run", splade, text, "--top-k", "4").out.splitlines()
    assert [line.split() for line in lines] == [[f"{w:.4f}", token] for token, w in tokens[:4]]
    assert len(edge_distil("run", splade, text).out.splitlines()) == 10
    piped = edge_distil("run", splade, "--top-k", "1", stdin=f"{text}\n\n{text}\n".encode())
    empty = known["tokens"][known["texts"].index("")][0][0]
    assert [line.split()[1] for line in piped.out.splitlines()] == [
        tokens[0][0], empty, tokens[0][0],
    ]  # fmt: skip


def test_json_has_every_weight(
    splade: Path, truth: Callable[[str], Any], edge_distil: Command, tmp_path: Path
) -> None:
    known = truth("sparse_embedding")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"text": t, "id": n}) + "\n" for n, t in enumerate(known["texts"][:3])),
        "utf-8",
    )
    document = json.loads(edge_distil("run", splade, "--file", rows, "--json").out)
    assert document["task"] == "sparse-embedding"
    for number, (item, weights) in enumerate(
        zip(document["items"], known["weights"], strict=False)
    ):
        assert item["id"] == number
        found = sorted((result["weight"] for result in item["results"]), reverse=True)
        assert [result["weight"] for result in item["results"]] == found
        assert found == pytest.approx(sorted(filter(None, weights), reverse=True), abs=1e-5)


def test_eval_scores_pairs_and_compares_variants(
    splade: Path, edge_distil: Command, tmp_path: Path
) -> None:
    data = tmp_path / "pairs.csv"
    data.write_text("sentence1,sentence2,score\na ship,the ship,5\na film,Bern,1\nAda,storm,0\n")
    found = json.loads(edge_distil("eval", splade, "--data", data, "--json").out)
    assert set(found) >= {"fp32", "int8"}
    assert -100 <= found["fp32"]["metrics"]["spearman"] <= 100
    assert found["int8"]["fidelity"]["cosine_min"] > 0.99


def test_what_it_does_not_take_is_named(splade: Path, edge_distil: Command, tmp_path: Path) -> None:
    asked = edge_distil("run", splade, "a ship", "--question", "who?")
    assert asked.status == 2
    assert "--question is not for a sparse-embedding bundle" in " ".join(asked.err.split())
    (tmp_path / "a.txt").write_text("a ship")
    embedded = edge_distil("embed", splade, tmp_path / "a.txt", "-o", tmp_path / "a.npy")
    assert embedded.status == 1
    assert "expected sentence-similarity or feature-extraction" in " ".join(embedded.err.split())
