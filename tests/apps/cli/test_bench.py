"""``edge-distil bench``: how much is measured, what is said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command

import edge_distil as ed
from edge_distil._writing.journal import Journal
from edge_distil.bundle import open_bundle
from edge_distil.errors import InputError
from edge_distil_apps.side_by_side.texts import choose_queries
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.timed_task import answer
from edge_distil_bench.records import LEAD, TIMED, WARMUP, Measurements, Run, read_measurements
from edge_distil_bench.side_by_side.conclusions import conclude
from edge_distil_bench.side_by_side.entries import find_entries
from edge_distil_bench.side_by_side.measure import Plan, measure

QUERIES = 32  # two blocks of 2 x 4 in each of two processes
LEAST = Protocol("least", processes=1, warmup_runs=2, warmup_seconds=0, cold_starts=1)
TINY = Path(__file__).parents[2] / "golden" / "tiny"
Resumed = tuple[dict[str, Any], Measurements]
LINES = "who sleeps?\tthe dog sleeps\nwhere is Paris?\tParis is in France\n"


SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "tiny",
            "paragraphs": [
                {
                    "context": "the dog sleeps",
                    "qas": [
                        {
                            "id": "1",
                            "question": "who sleeps?",
                            "answers": [{"text": "the dog", "answer_start": 0}],
                        }
                    ],
                }
            ],
        }
    ],
}


@contextmanager
def no_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, total: None


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.tsv"
    file.write_text(LINES, encoding="utf-8")
    return file


def plan_of(bundle: Path, texts: Path | None, data: Path | None = None) -> Plan:
    entries = find_entries([bundle], [], threads=1, trained=True)
    queries = choose_queries(open_bundle(bundle), "fp32", texts)
    return Plan(entries, queries, LEAST, Effort(QUERIES), data)


def test_the_command_measures_and_says_which_to_ship(
    edge_distil: Command, tiny: Path, texts: Path, tmp_path: Path
) -> None:
    file, data = tmp_path / "out" / "bench.json", tmp_path / "squad.json"
    data.write_text(json.dumps(SQUAD), encoding="utf-8")
    link = tmp_path / "link.json"
    link.symlink_to(file)
    result = edge_distil(
        "bench", tiny / "question_answering", "--texts", texts, "--data", data, "--quick",
        "--queries", QUERIES, "--seconds", 0, "--processes", 2, "--threads", 1,
        "--work", tmp_path / "work", "-o", link, "--json",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "2 models: timing takes at most 60 s, their start apart (--limit)" in result.err
    steps = [line for line in result.err.splitlines() if line in ("timing", "cold starts")]
    assert steps == ["timing", "cold starts"]  # in a pipe, too, it says what it does
    assert link.is_symlink()
    found = json.loads(result.out)
    begins = f"ship {found['ship']} here: " if found["ship"] else "undecided: int8 looks "
    assert found["verdict"].startswith(begins)
    assert [one["variant"] for one in found["models"]] == ["fp32", "int8"]
    for one in found["models"]:
        assert one["forward"]["count"] == one["end_to_end"]["count"] == QUERIES
        assert one["forward"]["p50"]["value"] < one["end_to_end"]["p50"]["value"]
        assert 0 < one["processor"]["p50"]["value"] < 1.5 * one["forward"]["mean"]  # one thread
        assert (one["score"]["metric"], one["score"]["count"]) == ("F1", 1)
    assert found["a_a_test"]["band"] >= 0
    assert list((tmp_path / "work").iterdir()) == []  # nothing is left of a run that ended well

    raw = read_measurements(file)
    assert [(run.process, run.model, run.copy) for run in raw.runs] == [
        (process, model, copy)
        for process in (0, 1)
        for model, copy in [
            ("question_answering/fp32", 0),
            ("question_answering/int8", 0),
            ("question_answering/fp32", 1),
        ]
    ]
    for run in raw.runs:
        assert run.phase.count(TIMED) == QUERIES / 2
        assert run.phase.count(LEAD) == QUERIES / 2  # one before each, as they take turns
        assert run.host == 0
    assert {one.model for one in raw.memory} == {one.id for one in raw.models}
    assert {len(one.first_ns) for one in raw.cold_starts} == {3}
    size = (tiny / "question_answering" / "onnx" / "model_quantized.onnx").stat().st_size
    assert raw.models[1].bytes == size


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Measurements]:
    """What was kept when measuring was interrupted, and what the second try gave."""
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "texts.tsv").write_text(LINES, encoding="utf-8")
    plan = plan_of(TINY / "question_answering", folder / "texts.tsv")
    file = folder / "journal.json"

    def interrupted(label: str) -> Any:
        if label == "memory":
            raise KeyboardInterrupt
        return no_bar(label)

    with pytest.raises(KeyboardInterrupt):
        measure(plan, Journal(file, plan.key()), interrupted)
    kept = json.loads(file.read_text(encoding="utf-8"))["figures"]
    whole = measure(plan, Journal(file, plan.key()), no_bar)
    assert not Journal(file, replace(plan, effort=Effort(12)).key()).count("")
    return kept, whole


def test_what_was_interrupted_is_not_measured_again(resumed: Resumed) -> None:
    kept, whole = resumed
    assert whole.created == kept["begun"]["created"]
    [unit] = [value for name, value in kept.items() if name.startswith("side-by-side")]
    assert [list(run.start_ns) for run in whole.runs] == [run["start_ns"] for run in unit["runs"]]
    assert WARMUP in whole.runs[0].phase


def timed(measurements: Measurements, factors: dict[str, float]) -> Measurements:
    """Give models other times: a block's queries all take 10 ms times the model's factor."""

    def of(run: Run) -> Run:
        noise = np.random.default_rng(run.copy).normal(0, 0.001, len(run.item))
        times = [int(1e7 * factors[run.model] * (1 + x)) for x in noise]
        return replace(run, stage_ns={**run.stage_ns, "forward": tuple(times)})

    repeated = [replace(of(run), process=p) for p in range(5) for run in measurements.runs]
    return replace(measurements, runs=tuple(repeated))


def test_an_undecided_measurement_is_kept_and_goes_on(
    edge_distil: Command, tiny: Path, texts: Path, tmp_path: Path
) -> None:
    """No time for a second look, and a tiny model's int8 is no faster: more time goes on."""
    words = [
        "bench", tiny / "question_answering", "--texts", texts, "--quick", "--queries", "32",
        "--seconds", "0", "--threads", "1", "--work", tmp_path / "work",
    ]  # fmt: skip
    first = edge_distil(*words, "--limit", "0")
    assert first.status == 0, first.err
    assert "4 rounds of fresh processes" in first.out
    if "undecided" in first.out:  # as nearly always
        command = f"--work {tmp_path / 'work'} --limit 0"
        assert command in first.out.replace("\n", " ")
        assert len(list((tmp_path / "work").glob("bench-*.json"))) == 1
        again = edge_distil(*words, "--limit", "0")
        assert "going on where the same command ended before" in again.err
        assert again.out == first.out


def test_output_that_cannot_be_written_is_refused_before_the_work(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "bench.json", Path("/proc/bench.json")):
        result = edge_distil(
            "bench", tiny / "question_answering", "--work", tmp_path / "work", "-o", place
        )
        assert result.status == 1
        assert str(place) in result.err or str(place.parent) in result.err
        assert not (tmp_path / "work").exists()


def beside_a_peer(found: Measurements, name: str, **options: str) -> Measurements:
    """As ``--variant int8 --against NAME``: one model of ours, and one of another engine."""
    int8 = found.models[1]
    peer = replace(int8, id=f"tiny/{name}", variant=name, options=options)
    own = [run for run in found.runs if run.model == int8.id]
    theirs = [replace(r, model=peer.id, stage_ns={"forward": r.stage_ns["forward"]}) for r in own]
    return replace(
        found,
        models=(int8, peer),
        runs=(*own, *(replace(run, copy=1) for run in own), *theirs),
        memory=(*found.memory, replace(found.memory[1], model=peer.id)),
        cold_starts=(*found.cold_starts, replace(found.cold_starts[1], model=peer.id)),
        accuracy=(),
    )


def test_peers_alone_are_named_in_the_verdict(resumed: Resumed) -> None:
    reason = conclude(beside_a_peer(resumed[1], "torch:int8")).verdict.reason
    assert reason.startswith("ship int8 here: no other variant of ours was measured")
    assert "torch:int8" in reason


def test_an_engine_that_can_be_loaded_is_a_candidate(resumed: Resumed) -> None:
    name = "openvino:bf16"
    found = beside_a_peer(resumed[1], name, engine=name)
    own, peer = (one.id for one in found.models)
    fast = conclude(timed(found, {own: 1.0, peer: 0.5}))
    assert fast.verdict.reason.startswith(f"ship {name} here: 2.00x faster than int8")
    assert fast.verdict.reason.endswith(f"; load it with engine={name!r}")
    assert "is faster here than" not in str(fast.warnings)
    assert conclude(timed(found, {own: 1.0, peer: 1.5})).verdict.variant == "int8"


def test_the_verdict_follows_from_the_figures(resumed: Resumed) -> None:
    _, found = resumed
    fp32, int8 = (one.id for one in found.models)
    fast = conclude(timed(found, {fp32: 1.0, int8: 0.5}))
    ratio = found.models[1].bytes / found.models[0].bytes
    assert fast.verdict.variant == "int8"
    assert fast.verdict.reason.startswith("ship int8 here: 2.00x faster than fp32 [")
    assert f"], {ratio:.2f}x the size, mean cosine 0." in fast.verdict.reason
    assert conclude(timed(found, {fp32: 1.0, int8: 1.0})).verdict.variant == "fp32"
    slow = conclude(timed(found, {fp32: 1.0, int8: 1.5})).verdict.reason
    assert slow.startswith("ship fp32 here: int8 is slower on this CPU (0.67x [")
    loaded = replace(found, environment={"loaded": True, "loaded_reason": "a compiler runs"})
    assert any("a compiler runs" in warning for warning in conclude(loaded).warnings)


@pytest.mark.parametrize(
    "name",
    ["embedding", "fill_mask", "late_interaction", "multi_label", "multiple_choice",
     "question_answering", "sparse_embedding", "text_classification", "token_classification"],
)  # fmt: skip
def test_the_shipped_texts_are_for_every_task(tiny: Path, name: str) -> None:
    queries = choose_queries(open_bundle(tiny / name), "fp32", None)
    task = ed.load(tiny / name)
    for query in queries.texts:
        answer(task, query)  # or it raises
    assert len(set(queries.texts)) >= 8  # a tiny vocabulary makes many tokens of few words
    assert max(queries.inputs.tokens) <= open_bundle(tiny / name).manifest.max_length


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nowhere"], 1, ["no bundle at nowhere", "edge-distil export"]),
        (["QA", "--variant", "int4"], 2, ["no variant 'int4'", "fp32, int8"]),
        (["QA", "MASK"], 1, ["different tasks", "fill-mask", "one task"]),
        (["QA", "QA"], 2, ["given twice"]),
        (["QA", "--against", "tflite"], 2, ["no peer 'tflite'", "openvino"]),
        (["QA", "--against", "torch:int4"], 2, ["'int4'", "fp32 and int8"]),
        (["QA", "--against", "torch=/no/python"], 2, ["/no/python is not a program"]),
        (["QA", "--against", "torch"], 1, ["--checkpoint DIR"]),
        (["QA", "--texts", "MISSING"], 1, ["cannot read", "MISSING"]),
    ],
)
def test_wrong_inputs(
    edge_distil: Command, tiny: Path, arguments: Sequence[str], status: int, words: Sequence[str]
) -> None:
    places = {"QA": tiny / "question_answering", "MASK": tiny / "fill_mask"}
    result = edge_distil("bench", *(places.get(word, word) for word in arguments))
    assert (result.status, result.out) == (status, "")
    said = " ".join(result.err.replace("│", " ").split())
    assert len(re.findall("[Ee]rror: ", said)) == 1
    for part in words:
        assert part in said


def test_lines_are_as_the_task_needs_them(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("one\ttwo\n\nthree\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 3, has 1 fields, .*question<TAB>context"):
        choose_queries(open_bundle(tiny / "question_answering"), "fp32", file)
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no text"):
        choose_queries(open_bundle(tiny / "fill_mask"), "fp32", file)
