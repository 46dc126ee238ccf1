"""What the Swift tests of apps/ios read, and what the Swift code writes.

The Swift code itself runs in `test_ios_swift`, where there is a compiler.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from swift_golden import FOLDER, load_tokenizer, make_questions, make_tokens

from edge_distil_apps.study.folder import StudyFolder
from edge_distil_apps.study.merge import merge
from edge_distil_apps.study.report import write_report
from edge_distil_bench.records import LEAD, STAGES, TIMED, WARMUP, read_measurements
from edge_distil_bench.statistics.comparison import compare_a_a
from edge_distil_bench.statistics.summary import latency

SCORE = 1e-4  # processors add float32 in different orders
LOGIT = 1e-3
DOCUMENT = FOLDER / "measurements.json"
TURN, WARMUP_RUNS = 6, 10
MODELS = ("minilm-l6-squad/fp16", "minilm-l6-squad/int8")


def golden(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_tokens_are_those_of_tokenizers() -> None:
    assert golden("tokens") == make_tokens(load_tokenizer())


def test_questions_are_those_of_the_runtime(embedded_bundle: Path) -> None:
    found, expected = make_questions(embedded_bundle), golden("questions")
    assert [one["id"] for one in found] == [one["id"] for one in expected]
    for own, other in zip(found, expected, strict=True):
        answers = [(a["text"], a["start"], a["end"]) for a in own["answers"]]
        assert answers == [(a["text"], a["start"], a["end"]) for a in other["answers"]]
        scores = [a["score"] for a in own["answers"]]
        assert scores == pytest.approx([a["score"] for a in other["answers"]], abs=SCORE)
        for window, recorded in zip(own["windows"], other["windows"], strict=True):
            for name in ("ids", "type_ids", "offsets"):
                assert window[name] == recorded[name]
            for name in ("start_logits", "end_logits"):
                np.testing.assert_allclose(window[name], recorded[name], atol=LOGIT)


def test_the_document_of_the_swift_code_is_read() -> None:
    measured = read_measurements(DOCUMENT)
    assert tuple(model.id for model in measured.models) == MODELS
    assert len(measured.runs) == 2 * (len(MODELS) + 1)
    assert set(measured.inputs[0].tokens) <= set(range(1, 385))
    for run in measured.runs:
        assert set(run.stage_ns) == set(STAGES)
        stages = np.array([run.stage_ns[stage] for stage in STAGES])
        np.testing.assert_array_equal(stages.sum(axis=0), run.total_ns)
        assert list(run.start_ns) == sorted(run.start_ns)
        assert run.phase[:WARMUP_RUNS] == (WARMUP,) * WARMUP_RUNS
        assert run.phase.count(LEAD) * TURN == run.phase.count(TIMED)


def test_statistics_and_report_are_made_of_it(tmp_path: Path) -> None:
    measured = read_measurements(DOCUMENT)
    for model in MODELS:
        assert latency(measured.runs, model, inputs="questions", threads=1).count == 24
    own = compare_a_a(measured.runs, MODELS[0], inputs="questions", threads=1)
    assert (own.blocks, own.processes) == (2, 2)
    other = tmp_path / "other.json"
    other.write_text(DOCUMENT.read_text(encoding="utf-8").replace("1970", "1971"))
    folder = StudyFolder(tmp_path / "report")
    write_report(merge([DOCUMENT, other], folder), folder)
    assert "low power mode" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
