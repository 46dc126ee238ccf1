"""A late-interaction bundle at the command line: passages in its order, and what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Command

NAME = "late_interaction"
TOLERANCE = 1e-4  # of a score near ten


@pytest.fixture
def known(truth: Callable[[str], Any]) -> tuple[list[str], list[float]]:
    """Texts that are not blank, and the library's scores of each for the first as a query."""
    found = truth(NAME)
    pairs = [(t, s) for t, s in zip(found["texts"], found["scores"][0], strict=True) if t]
    return [text for text, _ in pairs], [score for _, score in pairs]


def test_passages_are_in_the_librarys_order(
    known: tuple[list[str], list[float]], tiny: Path, tmp_path: Path, edge_distil: Command
) -> None:
    texts, scores = known
    file = tmp_path / "passages.jsonl"
    rows = ({"id": f"p{number}", "text": text} for number, text in enumerate(texts))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    asked = ("run", tiny / NAME, "-q", texts[0], "--file", file)
    done = edge_distil(*asked, "--json")
    assert done.status == 0
    document = json.loads(done.out)
    assert document["task"] == "late-interaction"
    [item] = document["items"]
    order = sorted(range(len(texts)), key=lambda index: -scores[index])
    assert [row["id"] for row in item["results"]] == [f"p{index}" for index in order]
    for row in item["results"]:
        assert row["score"] == pytest.approx(scores[row["index"]], abs=TOLERANCE)
    shown = edge_distil(*asked, "--top-k", "2").out.splitlines()
    assert [line.split("  ")[-1] for line in shown] == [texts[index] for index in order[:2]]


def test_stdin_and_several_queries(tiny: Path, edge_distil: Command) -> None:
    typed = edge_distil(
        "run", tiny / NAME, "-q", "a ship", "-q", "a film", "the sea", "a dull film"
    )
    piped = edge_distil(
        "run", tiny / NAME, "-q", "a ship", "-q", "a film", stdin=b"the sea\na dull film\n"
    )
    assert typed.status == piped.status == 0
    assert typed.out == piped.out
    assert len(typed.out.splitlines()) == 4


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["a"], 2, "puts TEXTs in order for a query: give --question TEXT"),
        (["-q", "a", "--pair", "b", "c"], 2, "--pair is not for a late-interaction bundle"),
        (["-q", "a", "-c", "b"], 2, "--context is not for a late-interaction bundle"),
        (["-q", "a", "--file", "no.txt"], 1, "no.txt"),
    ],
)
def test_what_is_typed_wrongly(
    words: list[str], status: int, message: str, tiny: Path, edge_distil: Command
) -> None:
    done = edge_distil("run", tiny / NAME, *words)
    assert done.status == status
    assert message in " ".join(done.err.replace("│", " ").split())


def test_inspect_says_how_texts_are_read(tiny: Path, edge_distil: Command) -> None:
    lines = [
        " ".join(line.split()) for line in edge_distil("inspect", tiny / NAME).out.splitlines()
    ]
    assert "queries at most 14 tokens, behind 'what is : ', filled up to 14" in lines
    assert "documents at most 40 tokens, 7 tokens without a vector" in lines
    assert "compared by maxsim, 8 numbers a token" in lines
    assert not any(line.startswith("longest input") for line in lines)
    document = json.loads(edge_distil("inspect", tiny / NAME, "--json").out)
    assert document[NAME]["expansion"] == {"length": 14, "token": 4, "attend": False}


def test_eval_takes_queries_and_documents(
    known: tuple[list[str], list[float]], tiny: Path, tmp_path: Path, edge_distil: Command
) -> None:
    """Rows in the order of the library's scores correlate wholly."""
    texts, scores = known
    few = [index for index in range(len(texts)) if scores[index] > 0]
    file = tmp_path / "pairs.jsonl"
    rows = (
        {"sentence1": texts[0], "sentence2": texts[index], "score": scores[index]} for index in few
    )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = edge_distil("eval", tiny / NAME, "--data", file, "--json")
    assert done.status == 0
    assert '"spearman": 100.0' in done.out
