"""Which variant to use: every branch of the choice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_distil_bench import Alternative, Estimate, Score, recommend
from edge_distil_bench.side_by_side.recommendation import LEAST_COSINE

FAST = Estimate(1.7, 1.6, 1.8)
FASTER = Estimate(1.9, 1.85, 1.95)
LEVEL = Estimate(1.01, 0.98, 1.04)
OPEN = Estimate(1.10, 0.95, 1.27)
SLOW = Estimate(0.7, 0.6, 0.75)


def int8(speedup: Estimate, cosine: float | None = 0.999) -> Alternative:
    return Alternative("int8", 0.25, speedup, cosine)


def other(speedup: Estimate, cosine: float | None = 0.995, size: float = 0.5) -> Alternative:
    return Alternative("other", size, speedup, cosine)


@pytest.mark.parametrize(
    ("alternatives", "chosen"),
    [
        ([int8(FAST)], "int8"),
        ([int8(FAST), other(FASTER)], "other"),
        ([int8(FAST), other(Estimate(1.75, 1.7, 1.8))], "int8"),  # as fast, and nearer to fp32
        ([int8(FAST), other(FASTER, LEAST_COSINE - 0.001)], "int8"),  # fast, but not true
        ([int8(LEVEL)], "fp32"),  # not surely faster
        ([int8(SLOW), other(FAST)], "other"),
        ([int8(FASTER, 0.95)], "fp32"),
        ([int8(FAST, None)], "int8"),
        ([], "fp32"),
    ],
)
def test_choice(alternatives: list[Alternative], chosen: str) -> None:
    advice = recommend(alternatives)
    assert advice.variant == chosen
    assert advice.reason.startswith(f"ship {chosen} here")


def test_a_slow_variant_is_still_named_for_its_size() -> None:
    reason = recommend([int8(SLOW), other(LEVEL)]).reason
    assert "no difference in speed that this machine can show (1.01x [0.98, 1.04])" in reason
    assert "int8 still saves 75% of the download" in reason


def test_drift_is_the_reason_where_it_is() -> None:
    reason = recommend([int8(FAST, 0.957), other(FAST, 0.9)]).reason
    assert "int8 are too far" in reason
    assert "0.957" in reason


def test_what_is_not_known_is_said() -> None:
    assert "not known" in recommend([int8(FAST, None)]).reason


def test_within_the_band_of_a_model_beside_itself_nothing_is_claimed() -> None:
    narrow = Estimate(1.04, 1.03, 1.05)
    assert recommend([Alternative("int8", 0.25, narrow, 0.999, band=0.03)]).variant == "int8"
    advice = recommend([Alternative("int8", 0.25, narrow, 0.999, band=0.05)])
    assert advice.variant == "fp32"
    assert "two copies of one model differ by up to 5.0%" in advice.reason


def test_a_slow_one_is_called_slow_where_that_is_sure() -> None:
    assert "int8 is slower on this CPU (0.70x [0.60, 0.75])" in recommend([int8(SLOW)]).reason


def test_scores_decide_where_they_are_known() -> None:
    kept = Alternative("int8", 0.25, FAST, 0.95, score=Score("F1", 86.1, 86.3, 10570))
    lost = Alternative("int4", 0.2, FASTER, 0.999, score=Score("F1", 80.0, 86.3, 10570))
    assert recommend([kept, lost]).reason == (
        "ship int8 here: 1.70x faster than fp32 [1.60, 1.80], 0.25x the size, F1 -0.2"
    )
    assert "answers too much worse (F1 -6.3 from 86.3" in recommend([lost]).reason


def test_the_reference_may_be_another_model() -> None:
    advice = recommend([Alternative("distilbert/fp32", 0.6, FAST)], "bert/fp32")
    assert "faster than bert/fp32" in advice.reason


def test_a_score_on_few_examples_does_not_decide_against_the_outputs() -> None:
    one_question = Alternative("int8", 0.25, FAST, 0.9999, score=Score("F1", 82.9, 84.3, 80))
    assert recommend([one_question]).reason.endswith("0.25x the size, F1 -1.4 on 80 examples")
    far = Alternative("int8", 0.25, FAST, 0.95, score=Score("F1", 84.3, 84.3, 80))
    assert recommend([far]).variant == "fp32"
    other_model = Alternative("int8", 0.25, FAST, None, score=Score("F1", 60.0, 84.3, 80))
    assert recommend([other_model]).variant == "fp32"


def test_what_is_not_decided_is_not_chosen() -> None:
    advice = recommend([int8(OPEN)], longer="edge-distil bench qa --limit 120")
    assert advice.variant is None
    assert advice.reason == (
        "undecided: int8 looks faster than fp32 here (1.10x [0.95, 1.27]), and that is not sure; "
        "measure longer: edge-distil bench qa --limit 120"
    )
    assert recommend([int8(OPEN, 0.9)]).variant == "fp32"  # it could not be shipped anyway
    assert recommend([int8(OPEN), other(FAST)]).variant == "other"
    slower = recommend([int8(Estimate(0.97, 0.80, 1.17))])
    assert "int8 looks slower than fp32" in slower.reason


def test_another_engine_that_can_be_loaded_is_shipped_with_its_name() -> None:
    name = "openvino:bf16"
    advice = recommend([int8(OPEN), replace(other(FAST), name=name, engine=name, size=1)])
    assert advice.variant == "openvino:bf16"
    assert advice.reason.startswith("ship openvino:bf16 here: ")
    assert advice.reason.endswith("; load it with engine='openvino:bf16'")
    assert "load it" not in recommend([other(FAST)]).reason


def test_peers_are_not_nothing_and_not_ours_to_ship() -> None:
    reason = recommend([], "int8", peers=["torch", "torch:int8"]).reason
    assert reason.startswith("ship int8 here: ")
    assert "torch and torch:int8 are other engines' models" in reason
    assert "nothing else" not in reason


FUSED = Alternative("int8-fused", 0.25, FAST, 0.999)
ELSEWHERE = "is for Python alone, which pads no text: JavaScript, Kotlin and Swift take"


def test_a_fused_form_is_shipped_with_what_other_runtimes_take() -> None:
    advice = recommend([int8(SLOW), FUSED])
    assert advice.variant == "int8-fused"
    assert advice.reason.endswith(f"; int8-fused {ELSEWHERE} int8")
    of_several = recommend([replace(FUSED, name="minilm/fp32-fused")], "minilm/fp32")
    assert of_several.reason.endswith(f"; minilm/fp32-fused {ELSEWHERE} minilm/fp32")
    assert recommend([], "fp32-fused").reason.endswith(f"; fp32-fused {ELSEWHERE} fp32")
    for_its_size = recommend([replace(FUSED, speedup=SLOW)]).reason
    assert for_its_size.endswith(f"75% of the download; int8-fused {ELSEWHERE} int8")


def test_what_runs_everywhere_is_shipped_without_that() -> None:
    for others in ([int8(FAST), replace(FUSED, speedup=SLOW)], [int8(SLOW)], []):
        assert "Python alone" not in recommend(others).reason
