"""The accuracy budget: within it, nothing needless kept, resumed after a kill, honest in defeat."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys

import onnx
import onnx_ir as ir
import pytest
import shelf
from hypothesis import given, settings
from hypothesis import strategies as st
from outliers import break_bundle
from own_answers import write_answers

import edge_distil as ed
from edge_distil._writing import storage
from edge_distil._writing.journal import Journal
from edge_distil.errors import DataError, QuantizeError, TaskError
from edge_distil.evaluate import evaluate
from edge_distil_bench import time_ratio
from edge_distil_quantize import quantize_bundle, quantize_within_budget
from edge_distil_quantize.rewrites.operators import find_operators
from edge_distil_quantize.sensitivity.budget import JOURNAL
from edge_distil_quantize.sensitivity.journal import open_journal
from edge_distil_quantize.sensitivity.smallest_set import smallest_set

pytestmark = pytest.mark.wide

NORM = "node_layer_norm_1"  # the first layer's, before its feed-forward half
READER = "transformer.layer.0.ffn.lin1"  # the one product that reads it
LAYER = "transformer.layer.0."
DROP = 10.0  # percent; int8 of the broken bundle loses more where it is not calibrated

RUN = """
import sys
from edge_distil_quantize import quantize_within_budget
quantize_within_budget(
    sys.argv[1], data=sys.argv[2], max_drop=float(sys.argv[3]),
    calibrate=False, progress=lambda line: print(line, flush=True),
)
"""


@pytest.fixture
def broken(bundle, tmp_path):
    """A question answering bundle with an outlier, and data that its fp32 gets wholly right."""
    opened = break_bundle(bundle("qa"), NORM)
    return opened, write_answers(opened, tmp_path / "data.json")


@pytest.fixture(scope="module")
def recovered(exported, tmp_path_factory):
    """Such a bundle with int8 within the budget, and the data."""
    folder = tmp_path_factory.mktemp("budget")
    opened = break_bundle(ed.open_bundle(shutil.copytree(exported("qa"), folder / "qa")), NORM)
    data = write_answers(opened, folder / "data.json")
    return quantize_within_budget(opened, data=data, max_drop=DROP, calibrate=False), data


def score(bundle, data):
    return evaluate(ed.load(bundle.path, variant="int8", threads=1), data).metrics["f1"]


def found(bundle):
    return bundle.manifest.variants["int8"].evidence["accuracy_budget"]


def labels(bundle):
    """Operator's name -> its name in the checkpoint."""
    model = ir.from_proto(onnx.load(bundle.model_path("fp32")))
    return {operator.name: operator.label for operator in find_operators(model.graph)}


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.tuples(
            st.just([f"n{i}" for i in range(n)]),
            st.sets(st.frozensets(st.sampled_from([f"n{i}" for i in range(n)]))),
        )
    )
)
@settings(max_examples=150)
def test_the_set_found_passes_and_no_single_name_is_needless(case):
    """Any set of passing sets, whether or not keeping more always helps."""
    names, passing = case
    kept = smallest_set(names, lambda trial, left: trial in passing)
    prefixes = [frozenset(names[:size]) for size in range(len(names))]
    if kept is None:
        assert prefixes[0] not in passing
        assert len(names) < 2 or prefixes[-1] not in passing
    else:
        assert kept in passing
        assert not any(kept - {name} in passing for name in kept)


@given(st.integers(2, 9), st.data())
def test_where_more_is_better_the_set_is_the_smallest_of_all(count, data):
    names = [f"n{i}" for i in range(count)]
    needed = data.draw(st.sets(st.sampled_from(names[:-1])))
    kept = smallest_set(names, lambda trial, left: needed <= trial)
    sizes = itertools.chain.from_iterable(
        itertools.combinations(names, size) for size in range(count)
    )
    assert kept == next(set(some) for some in sizes if needed <= set(some))


def test_a_broken_model_recovers_by_few_operators(broken, recovered):
    plain = shelf.quantize(broken[0], calibrate=False)
    quantized, data = recovered
    budget, file = found(quantized), quantized.manifest.variants["int8"].file

    assert budget["fp32"] == 100
    assert budget["plain"] == score(plain, data) < 100 - DROP == budget["allowed"]
    assert budget["result"] == score(quantized, data) >= budget["allowed"]
    assert READER in budget["kept"].values()
    assert quantized.manifest.variants["int8"].settings["kept_fp32"] == sorted(budget["kept"])
    assert budget["bytes_added"] == file.bytes - plain.manifest.variants["int8"].file.bytes
    assert budget["data"] == {"name": "data.json", "sha256": storage.sha256(data)}
    ed.open_bundle(quantized.path, verify=True)


def test_it_costs_less_than_the_whole_layer(broken, recovered):
    quantized, _ = recovered
    layer = [name for name, label in labels(quantized).items() if label.startswith(LAYER)]
    whole = shelf.quantize(broken[0], keep=layer, calibrate=False)
    assert len(found(quantized)["kept"]) < len(layer)
    sizes = [b.manifest.variants["int8"].file.bytes for b in (quantized, whole)]
    assert sizes[0] < sizes[1]


def test_no_operator_is_kept_needlessly(broken, recovered):
    quantized, data = recovered
    kept = set(found(quantized)["kept"])
    for name in kept:
        without = shelf.quantize(broken[0], keep=kept - {name}, calibrate=False)
        assert score(without, data) < 100 - DROP


def test_calibration_repairs_such_an_outlier_by_itself(broken):
    """Smoothing is what it is for: nothing is kept where it is allowed to help."""
    opened, data = broken
    quantized = quantize_within_budget(opened, data=data, max_drop=DROP)
    assert found(quantized)["kept"] == {}
    assert found(quantized)["plain"] == score(quantized, data) >= 100 - DROP


def test_nothing_is_kept_where_plain_int8_is_within_the_budget(bundle, tmp_path):
    opened = bundle("qa")
    data = write_answers(opened, tmp_path / "data.json")
    quantized = quantize_within_budget(opened, data=data, max_drop=50, time_ratio=time_ratio)
    expected = shelf.quantize(opened, data=data).manifest.variants["int8"].file

    assert found(quantized)["kept"] == {}
    assert found(quantized)["evaluations"] == 1
    assert found(quantized)["time_added"] == 0
    assert quantized.manifest.variants["int8"].file == expected


def test_a_budget_that_cannot_be_met_leaves_the_bundle_as_it_was(bundle, tmp_path, digest):
    """Every activation has an outlier so large that one quantized operator is too many."""
    opened = bundle("qa")
    for number in range(5):
        norm = f"node_layer_norm_{number}" if number else "node_layer_norm"
        opened = break_bundle(opened, norm, 1e5)
    data = write_answers(opened, tmp_path / "data.json")
    before = digest(opened.path)
    with pytest.raises(QuantizeError, match=r"no set of operators .* reaches f1 100\.00 .*larger"):
        quantize_within_budget(opened, data=data, max_drop=0, calibrate=False)
    assert digest(opened.path) == before
    assert not (opened.path / JOURNAL).exists()


def test_a_killed_search_goes_on_where_it_stopped(broken, recovered):
    undisturbed, (opened, data) = recovered[0], broken
    command = [sys.executable, "-c", RUN, str(opened.path), str(data), str(DROP)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = []
    for line in process.stdout:
        first.append(line.strip())
        if "with 1 kept" in line:
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    again = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "evaluating fp32" in first
    assert sum(line.startswith("sensitivity") for line in first) == len(labels(opened))
    assert "evaluating fp32" not in again
    assert "with 0 kept" not in again
    assert "sensitivity" not in again
    assert "with 1 kept" in again  # what was under way when it was killed
    assert found(ed.open_bundle(opened.path)) == found(undisturbed)
    quantized = "onnx/model_quantized.onnx"
    assert storage.sha256(opened.path / quantized) == storage.sha256(undisturbed.path / quantized)
    assert not (opened.path / JOURNAL).exists()


def interrupt(path, key):
    with open_journal(path, key) as journal:
        journal.recall("score", lambda: 7)
        raise KeyboardInterrupt


def test_a_journal_serves_what_it_was_written_for_alone(tmp_path):
    path = tmp_path / "journal.json"
    with pytest.raises(KeyboardInterrupt):
        interrupt(path, {"data": 1})
    assert Journal(path, {"data": 1}).recall("score", lambda: 8) == 7
    assert Journal(path, {"data": 2}).recall("score", lambda: 8) == 8
    path.write_text('{"key": 1')  # damaged
    assert "score" not in Journal(path, {"data": 2})


def test_a_kept_head_keeps_the_table_it_shares(bundle):
    opened = bundle("tied")
    quantized = shelf.quantize(opened, keep=["node_MatMul_104"])
    model = onnx.load(quantized.model_path("int8"))
    shape = [1000, 64]
    tables = [t for t in model.graph.initializer if list(t.dims) in (shape, shape[::-1])]
    assert [t.data_type for t in tables] == [onnx.TensorProto.FLOAT]


@pytest.mark.parametrize("drop", [-0.1, 100.0])
def test_budgets_out_of_range(drop, broken):
    opened, data = broken
    with pytest.raises(QuantizeError, match="expected 0 to below 100 percent"):
        quantize_within_budget(opened, data=data, max_drop=drop)


def test_wrong_inputs(broken, bundle, tmp_path):
    opened, data = broken
    with pytest.raises(QuantizeError, match=r"no operator 'node_nowhere' to keep"):
        quantize_bundle(opened, keep=["node_nowhere"])
    with pytest.raises(QuantizeError, match="fp16 has no operators to keep"):
        quantize_within_budget(opened, "fp16", data=data, max_drop=1)
    with pytest.raises(DataError, match=r"nowhere\.json"):
        quantize_within_budget(opened, data=tmp_path / "nowhere.json", max_drop=1)
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": "a b", "label": "c"}\n')
    with pytest.raises(TaskError, match="no measure"):
        quantize_within_budget(bundle("tied"), data=lines, max_drop=1)
    wrong = json.loads(data.read_text())
    for paragraph in wrong["data"][0]["paragraphs"]:
        for asked in paragraph["qas"]:
            asked["answers"] = [{"text": "zzz", "answer_start": 0}]
    data.write_text(json.dumps(wrong))
    with pytest.raises(QuantizeError, match=r"fp32 scores f1 0\.00"):
        quantize_within_budget(opened, data=data, max_drop=1)
    assert not list(tmp_path.rglob(JOURNAL))
