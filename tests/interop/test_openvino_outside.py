"""OpenVINO as an engine, from outside: nothing is sent, and the verbs know it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openvino_environment import HAS_BF16, call, python
from outside import missing, watch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

needs_tracing = pytest.mark.skipif(bool(missing()), reason=missing() or "all is there")


@needs_tracing
def test_nothing_is_sent_or_written(embedding: Path, tmp_path: Path) -> None:
    """openvino-telemetry is installed, and sends what it is imported to when `openvino` is."""
    assert "openvino_telemetry" in call("-c", "import openvino_telemetry as t; print(t.__name__)")
    plain = watch(tmp_path / "plain", "-c", "import openvino, time; time.sleep(2)", python=python())
    assert any("intel" in path for path in plain.left)
    code = f"""
import edge_distil as ed
for precision in ("openvino", "openvino:bf16") if {HAS_BF16} else ("openvino",):
    model = ed.load({str(embedding)!r}, engine=precision, threads=2)
    model.encode(["one", "two words"] * 20), model.encode(["one"])
print(ed.privacy.describe()["openvino"])
import openvino, openvino_telemetry
print(openvino.convert_model.__name__, openvino_telemetry.Telemetry.__name__)
"""
    seen = watch(tmp_path / "ours", "-c", code, python=python())
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.splitlines() == [
        "off (imported without openvino_telemetry)", "convert_model Telemetry"
    ]  # fmt: skip
    assert seen.left == ()
    assert not [path for path in seen.written if not path.startswith(("/dev/", "/proc/"))]
    assert seen.addresses == frozenset()


@needs_tracing
def test_a_peer_of_bench_reports_nothing_either(embedding: Path, tmp_path: Path) -> None:
    import edge_distil_bench.peers.worker as worker

    settings = {
        "engine": "openvino", "precision": "fp32", "task": "sentence-similarity", "threads": 1,
        "inputs": [], "model": str(embedding / "onnx" / "model.onnx"),
    }  # fmt: skip
    seen = watch(tmp_path / "peer", worker.__file__, json.dumps(settings), python=python())
    assert '"session_ns"' in seen.out
    assert seen.left == ()
    assert seen.addresses == frozenset()


def test_bench_and_doctor_choose_among_engines(embedding: Path, tmp_path: Path) -> None:
    name = "openvino:bf16" if HAS_BF16 else "openvino:fp32"
    cli = ("-m", "edge_distil_apps.cli")
    effort = ("--queries", "8", "--seconds", "0", "--processes", "2", "--threads", "1")
    work = ("--work", tmp_path / "work", "--variant", "fp32", "--json")
    found = json.loads(call(*cli, "bench", embedding, "--against", name, *effort, *work))
    [_, other] = found["models"]
    assert (other["variant"], other["options"]["engine"]) == (name, name)
    assert other["mean_cosine"] > 0.999
    assert found["ship"] in ("fp32", name, None)
    assert name in found["verdict"]
    assert "other engines' models" not in found["verdict"]
    checked = json.loads(call(*cli, "doctor", embedding, "--threads", "1", "--json"))
    assert checked["environment"]["engines"][:2] == ["onnxruntime:fp32", "openvino:fp32"]
    assert {"fp32", "int8", name} <= {one["variant"] for one in checked["speeds"]}
    assert all(check["ok"] for check in checked["checks"])


def test_run_and_eval_on_another_engine(embedded_bundle: Path, tmp_path: Path) -> None:
    cli = ("-m", "edge_distil_apps.cli")
    words = ("-q", "Who wrote it?", "-c", "Ada Lovelace wrote it.", "--json")
    one = json.loads(call(*cli, "run", embedded_bundle, "--engine", "openvino", *words))
    two = json.loads(call(*cli, "run", embedded_bundle, *words))
    assert json.dumps(one).replace(" ", "")[:40] == json.dumps(two).replace(" ", "")[:40]
    paragraph = {
        "context": "Ada Lovelace wrote it.",
        "qas": [{"id": "1", "question": "Who wrote it?",
                 "answers": [{"text": "Ada Lovelace", "answer_start": 0}]}],
    }  # fmt: skip
    data = tmp_path / "squad.json"
    document = {"version": "1.1", "data": [{"title": "a", "paragraphs": [paragraph]}]}
    data.write_text(json.dumps(document), encoding="utf-8")
    scored = json.loads(
        call(*cli, "eval", embedded_bundle, "--engine", "openvino", "--data", data, "--json")
    )
    assert list(scored) == ["fp32"]
    assert scored["fp32"]["metrics"]["f1"] == 100
