"""SQuAD 2.0 scores against transformers' copy of the scorer, entities against seqeval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_distil.evaluate.spans import span_counts, spans
from edge_distil.evaluate.squad import SquadExample, SquadSet, score

EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", EXPECTED["squad"])
def test_squad_2(case: dict[str, Any]) -> None:
    rows = {str(i): row for i, row in enumerate(case["rows"])}
    golds = SquadSet(
        "2.0", tuple(SquadExample(i, "", "", tuple(row["answers"])) for i, row in rows.items())
    )
    found = score(
        {i: row["prediction"] for i, row in rows.items()},
        golds,
        {i: row["na_score"] for i, row in rows.items()},
    )
    expected = case["expected"]
    pairs = {
        "exact": found.exact,
        "f1": found.f1,
        "total": found.total,
        "HasAns_exact": found.has_answer_exact,
        "HasAns_f1": found.has_answer_f1,
        "HasAns_total": found.has_answer_total,
        "NoAns_exact": found.no_answer_exact,
        "NoAns_f1": found.no_answer_exact,
        "best_exact": found.best_exact,
        "best_exact_thresh": found.best_exact_threshold,
        "best_f1": found.best_f1,
        "best_f1_thresh": found.best_f1_threshold,
    }
    assert {k: v for k, v in pairs.items() if v is not None} == pytest.approx(
        {k: expected[k] for k in pairs if k in expected}
    )


@pytest.mark.parametrize("case", [*EXPECTED["tags"], *EXPECTED["tags_with_ends"]])
def test_entities(case: dict[str, Any]) -> None:
    truth, predicted = ([spans(tags) for tags in case[k]] for k in ("truth", "predicted"))
    # seqeval's last word is inside the entity.
    inclusive = [[[s.label, s.start, s.end - 1] for s in sentence] for sentence in truth]
    assert inclusive == case["entities"]
    found = span_counts(truth, predicted)
    micro = found.micro()
    assert [micro.precision, micro.recall, micro.f1] == pytest.approx(case["micro"])
    assert found.macro().f1 == pytest.approx(case["macro_f1"])
