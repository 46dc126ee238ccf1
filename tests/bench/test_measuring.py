"""Memory, cold start, curves, limits and checks: against /proc, ps, onnx and threadpoolctl."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
import onnx.reference

from edge_distil._writing.journal import Journal
from edge_distil.errors import BenchmarkError
from edge_distil.session import OnnxSession
from edge_distil_bench.costs import memory
from edge_distil_bench.costs.cold_start import measure_cold_starts
from edge_distil_bench.costs.curves import measure_curves
from edge_distil_bench.costs.memory import measure_memory
from edge_distil_bench.machine.graphs import matrix_product
from edge_distil_bench.machine.peak_rate import measure_peak_rates
from edge_distil_bench.protocol.clock_checks import check_process, check_profiler, check_timer
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.processes import Participant, started
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.protocol.sampling import Workload, sample
from edge_distil_bench.records import Point

# A process frees and takes pages between two readings, and counts them in batches for each thread.
PAGES = 0.05


def test_resident_is_what_ps_says(monkeypatch: pytest.MonkeyPatch) -> None:
    found = memory.resident()
    listed = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True
    )
    assert found == pytest.approx(1024 * int(listed.stdout), rel=PAGES)
    # Where there is no /proc, ps is asked.
    monkeypatch.setattr(memory, "_STATUS", Path("/no/proc"))
    assert memory.resident() == pytest.approx(found, rel=PAGES)
    assert memory.peak() >= found * (1 - PAGES)


def test_a_worker_counts_its_own_memory(participants: list[Participant]) -> None:
    with started(participants[:1]) as [worker]:
        found = worker.ask(memory=True)
        lines = Path(f"/proc/{worker._process.pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
    assert found["resident"] == pytest.approx(1024 * int(status["VmRSS"].split()[0]), rel=PAGES)
    assert found["peak"] == pytest.approx(1024 * int(status["VmHWM"].split()[0]), rel=PAGES)


def test_memory_grows_from_the_interpreter_to_the_peak(
    participants: list[Participant], queries: Queries
) -> None:
    found = measure_memory(participants[0], queries)
    assert (found.model, found.inputs, found.threads) == ("tiny/fp32", "questions", 1)
    assert found.baseline < found.loaded < found.answered * (1 + PAGES)
    assert found.answered <= found.peak
    # A bare interpreter, as the system sees it from outside.
    script = "import sys; sys.stdout.write(open('/proc/self/statm').read())"
    bare = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    pages = int(bare.stdout.split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert found.baseline == pytest.approx(pages, rel=0.2)


def test_cold_starts(participants: list[Participant], queries: Queries, tmp_path: Path) -> None:
    journal, started_ns = Journal(tmp_path / "j.json", {}), time.perf_counter_ns()
    found = measure_cold_starts(participants[:2], queries, 2, journal=journal)
    whole_ns = time.perf_counter_ns() - started_ns
    assert [one.model for one in found] == ["tiny/fp32", "tiny/int8"]
    for one in found:
        figures = (one.import_ns, one.session_ns, one.first_ns, one.process_ns)
        assert {len(figure) for figure in figures} == {2}
        for imported, session, first, process in zip(*figures, strict=True):
            assert min(imported, session, first) > 0
            assert imported + session + first < process
    assert sum(sum(one.process_ns) for one in found) < whole_ns
    again = measure_cold_starts(
        participants[:2], queries, 2, journal=Journal(tmp_path / "j.json", {})
    )
    assert again == found


def test_curves(participants: list[Participant], tmp_path: Path) -> None:
    def measure(shapes: list[tuple[str, int, int]], done: list[tuple[int, int]]) -> list[Point]:
        return measure_curves(
            participants[:2], shapes, passes=5, seconds=9, group="curves",
            journal=Journal(tmp_path / "j.json", {}), progress=lambda *d: done.append(d),
        )  # fmt: skip

    shapes = [("length", 8, 1), ("batch", 8, 3)]
    done: list[tuple[int, int]] = []
    found = measure(shapes, done)
    assert [(p.axis, p.tokens, p.batch, p.model) for p in found] == [
        (*shape, model) for shape in shapes for model in ("tiny/fp32", "tiny/int8")
    ]
    # Five passes in two turns of equal length are six.
    assert [len(point.forward_ns) for point in found] == [6] * 4
    assert done == [(0, 2), (1, 2), (2, 2)]

    with pytest.raises(BenchmarkError, match=r"tiny/(fp32|int8): onnxruntime failed"):
        measure([*shapes, ("length", 9999, 1)], done)
    assert measure(shapes, done) == found


@pytest.mark.parametrize(("kind", "product"), [("float32", np.float32), ("uint8", np.int32)])
def test_the_graph_is_valid_and_multiplies(tmp_path: Path, kind: str, product: type) -> None:
    random = np.random.default_rng(1)
    left = random.integers(0, 200, (3, 300)).astype(kind)
    right = random.integers(-63, 64, (300, 5)).astype("float32" if kind == "float32" else "int8")
    model = matrix_product(left.dtype, right)
    parsed = onnx.load_from_string(model)
    onnx.checker.check_model(parsed, full_check=True)
    [expected] = onnx.reference.ReferenceEvaluator(parsed).run(None, {"left": left})
    (file := tmp_path / "product.onnx").write_bytes(model)
    found = OnnxSession(file, threads=1).run({"left": left})["product"]
    assert found.dtype == product
    # Whole numbers below 2**24: float32 holds every sum exactly, and so does int32.
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found, left.astype(np.int64) @ right.astype(np.int64))


def test_peak_rates(tmp_path: Path) -> None:
    size, journal = (16, 32, 24), Journal(tmp_path / "j.json", {})
    found = measure_peak_rates([2], journal=journal, sizes=[size], seconds=0.01)
    assert [(one.source, one.kind, one.threads) for one in found] == [
        ("numpy", "fp32", 2),
        ("onnxruntime", "fp32", 2),
        ("onnxruntime", "int8", 2),
    ]
    for one in found:
        assert one.size == size
        assert len(one.operations) >= 3
        # No kernel does this product, 24,576 operations, in less than 10 ns, or takes a second.
        assert all(2 * 16 * 32 * 24 < rate < 2 * 16 * 32 * 24 * 1e8 for rate in one.operations)
    assert measure_peak_rates([2], journal=journal, sizes=[size], seconds=0.01) == found


@pytest.mark.parametrize("threads", [1, 2])
def test_numpy_multiplies_with_the_threads_asked_for(threads: int) -> None:
    from edge_distil_bench.machine.peak_rate import _THREAD_VARIABLES

    script = (
        "import numpy, threadpoolctl\n"
        "print(*(p['num_threads'] for p in threadpoolctl.threadpool_info()))"
    )
    variables = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    ended = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **variables},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.split() == [str(threads)]


def test_the_profiler_saw_the_same_runs(bundle: Path, queries: Queries) -> None:
    check = check_profiler("tiny/int8", bundle, "int8", queries, 1, count=12)
    assert (check.name, check.model, check.threads, check.count) == ("profiler", "tiny/int8", 1, 12)
    # Its clock is within ours. How near the two are is for a model of some size to show.
    assert 0 < check.theirs_ns < check.ours_ns


def test_the_profiler_lists_each_run(tmp_path: Path) -> None:
    right = np.ones((4, 4), np.float32)
    (file := tmp_path / "m.onnx").write_bytes(matrix_product(right.dtype, right))
    session = OnnxSession(file, threads=1, profile=tmp_path / "profile")
    spans = []
    for _ in range(5):
        begun = time.perf_counter_ns()
        session.run({"left": right})
        spans.append(time.perf_counter_ns() - begun)
    profiled = session.profiled()
    assert len(profiled) == 5
    # Its clock counts microseconds.
    assert all(theirs <= ours + 1000 for theirs, ours in zip(profiled, spans, strict=True))


def test_whole_processes_are_timed(bundle: Path, queries: Queries) -> None:
    check = check_process("tiny/fp32", bundle, "fp32", queries, 1, seconds=0.02, repetitions=1)
    assert (check.name, check.threads) == ("process", 1)
    assert check.count > 0
    assert check.ours_ns > 0
    with pytest.raises(BenchmarkError, match="no variant 'fp8'"):
        check_process("tiny/fp8", bundle, "fp8", queries, 1)


def test_the_clock_is_held_against_the_fastest_model(
    participants: list[Participant], queries: Queries
) -> None:
    protocol = Protocol("test", processes=1, warmup_runs=1, warmup_seconds=0, turn=2)
    workload = Workload(queries, Effort(4))
    runs, _ = sample(participants[:2], [workload], protocol, journal=Journal(None, {}), group="g")
    check = check_timer(runs)
    timed = {
        run.model: np.median(
            [t for t, p in zip(run.stage_ns["forward"], run.phase, strict=True) if p == "timed"]
        )
        for run in runs
    }
    assert check.ours_ns == pytest.approx(min(timed.values()))
    assert check.model == min(timed, key=lambda model: timed[model])
    # Eight readings of a clock, each at least a nanosecond and, on any system, below a millisecond.
    assert 8 <= check.theirs_ns < 8e6
