"""Calibrating once for many subsets of operators: the same files, without the passes."""

from __future__ import annotations

from collections import Counter

import onnxruntime as ort
import pytest

from edge_distil_quantize.calibration import piecewise
from edge_distil_quantize.calibration.known import Known
from edge_distil_quantize.sensitivity.candidates import Workbench, open_workbench


@pytest.fixture
def bench(bundle):
    with open_workbench(bundle("qa"), "int8", None, calibrate=True) as opened:
        yield opened


@pytest.fixture
def opened(monkeypatch):
    """Count the sessions that calibration opens: one a piece of a pass over the texts."""
    count: Counter[str] = Counter()

    class Session(ort.InferenceSession):
        def __init__(self, *arguments, **named):
            count["sessions"] += 1
            super().__init__(*arguments, **named)

    monkeypatch.setattr(piecewise.ort, "InferenceSession", Session)
    return count


def named(bench: Workbench, *labels: str) -> frozenset[str]:
    found = frozenset(o.name for o in bench.operators if o.label.endswith(labels))
    assert found, labels
    return found


def from_scratch(bench: Workbench, keep: frozenset[str]) -> bytes:
    own = Workbench(**{**vars(bench), "known": Known()})
    return own.make(keep, "scratch").read_bytes()


def test_subsets_are_what_they_are_from_scratch(bench):
    """Whatever was made before: members of a shared activation, both ends of an attention."""
    layer = "layer.1."
    subsets = [
        frozenset(),
        named(bench, layer + "attention.q_lin"),
        named(bench, layer + "attention.v_lin"),
        named(bench, layer + "attention.out_lin"),
        named(bench, "ffn.lin2"),
        named(bench, "attention.q_lin", "attention.k_lin", "attention.v_lin"),
        frozenset(o.name for o in bench.operators if o.is_table),
        frozenset(),
    ]
    for keep in subsets:
        assert bench.make(keep, "candidate").read_bytes() == from_scratch(bench, keep), keep


def test_what_does_not_change_is_not_run_again(bench, opened):
    bench.make((), "candidate")
    whole = opened.pop("sessions")
    for keep in [
        (),
        named(bench, "ffn.lin1"),
        named(bench, "ffn.lin2", "layer.0.attention.out_lin"),
    ]:
        bench.make(keep, "candidate")
    alone = opened.pop("sessions", 0)
    bench.make(named(bench, "layer.0.attention.q_lin"), "candidate")
    assert whole > 2
    assert alone == 0
    assert 0 < opened["sessions"] < whole / 2  # up to the first layer's activation, no further
