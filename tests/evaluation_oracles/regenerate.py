"""Regenerate expected.json: what transformers' copy of the SQuAD 2.0 scorer and seqeval say.

transformers dropped that scorer in version 5, so this script needs an environment of its own:

    python -m venv oracle
    oracle/bin/pip install transformers==4.57.6 seqeval==1.2.2
    oracle/bin/python tests/evaluation_oracles/regenerate.py

The cases are drawn with a fixed seed from short words, so that they overlap often: articles,
punctuation of ASCII and of other kinds, repeated tokens, empty texts, equal no-answer scores.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

PINNED = {"transformers": "4.57.6", "seqeval": "1.2.2"}
OUTPUT = Path(__file__).with_name("expected.json")
PIECES = (
    *("the", "The", "a", "an", "A.", "cat", "Cat's", "cat", "dog", "DOG!", "theatre", "U.S."),
    *("naïve", "–", "“cat”", "’s", "İ", "5,000", "$", "...", "\u00a0", "北京", "é", "e\u0301"),
)
TAGS = ("O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-X-Y", "I-X-Y")
TAGS_WITH_ENDS = ("O", *(f"{letter}-{kind}" for kind in ("PER", "X-Y") for letter in "BIES"))
SETS, QUESTIONS, PASSAGES = 25, 12, 30


def text(draw: random.Random, longest: int = 4) -> str:
    return " ".join(draw.choices(PIECES, k=draw.randint(0, longest)))


def squad_case(draw: random.Random) -> dict[str, Any]:
    """Questions with answers, predictions and no-answer scores, and what the scorer says."""
    from transformers.data.metrics.squad_metrics import squad_evaluate

    rows = [
        {
            "answers": [text(draw) for _ in range(draw.choice((0, 1, 1, 3)))],
            "prediction": text(draw),
            "na_score": draw.choice((0.0, 0.25, 0.25, round(draw.random(), 3))),
        }
        for _ in range(QUESTIONS)
    ]
    rows[0]["answers"] = ["cat"]  # the scorer divides by the number of answerable questions
    for row in rows:
        if row["answers"] and draw.random() < 0.3:
            row["prediction"] = draw.choice(row["answers"])
    examples = [
        SimpleNamespace(qas_id=str(i), answers=[{"text": a} for a in row["answers"]])
        for i, row in enumerate(rows)
    ]
    predictions = {str(i): row["prediction"] for i, row in enumerate(rows)}
    na_scores = {str(i): row["na_score"] for i, row in enumerate(rows)}
    return {"rows": rows, "expected": squad_evaluate(examples, predictions, na_scores)}


def tag_case(draw: random.Random, among: tuple[str, ...]) -> dict[str, Any]:
    """Sentences of true and predicted tags, and what seqeval says in its default mode."""
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.metrics.sequence_labeling import get_entities

    truth = [draw.choices(among, k=draw.randint(1, 9)) for _ in range(6)]
    predicted = [
        [tag if draw.random() < 0.7 else draw.choice(among) for tag in tags] for tags in truth
    ]
    return {
        "truth": truth,
        "predicted": predicted,
        "entities": [get_entities(tags) for tags in truth],
        "micro": [f(truth, predicted) for f in (precision_score, recall_score, f1_score)],
        "macro_f1": f1_score(truth, predicted, average="macro"),
    }


def main() -> None:
    """Write the file.

    Raises:
        SystemExit: A pinned package has another version.
    """
    found = {name: importlib.metadata.version(name) for name in PINNED}
    if found != PINNED:
        raise SystemExit(f"found {found}, expected {PINNED}: install these versions")
    draw = random.Random(2018)
    document = {
        "made_with": PINNED,
        "squad": [squad_case(draw) for _ in range(SETS)],
        "tags": [tag_case(draw, TAGS) for _ in range(PASSAGES)],
        "tags_with_ends": [tag_case(draw, TAGS_WITH_ENDS) for _ in range(PASSAGES)],
    }
    lines = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    OUTPUT.write_text(lines.replace('},{"', '},\n{"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
