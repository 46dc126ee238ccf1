"""What a study is asked for: refused in one line, or planned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import Command

from edge_distil.errors import MissingExtra
from edge_distil_apps.study import models
from edge_distil_apps.study.folder import StudyFolder
from edge_distil_apps.study.inputs import FULL_PASSAGE, PAIRS, QUESTIONS
from edge_distil_apps.study.options import Options
from edge_distil_apps.study.plan import (
    CURVE_TOKENS,
    FULL,
    LENGTHS,
    QUICK,
    Checks,
    Curves,
    Group,
    Plan,
    estimate,
    make_plan,
)
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.records import (
    Point,
)


def test_files_need_merge(edge_distil: Command, tmp_path: Path) -> None:
    result = edge_distil("study", "a.json", "-o", tmp_path)
    assert result.status == 2
    assert "FILES go with --merge" in result.err


def test_models_that_are_not_there(edge_distil: Command, tmp_path: Path) -> None:
    result = edge_distil("study", "--models", tmp_path, "-o", tmp_path / "out")
    assert result.status == 1
    assert "expected distilbert-base and bert-base" in result.err


def test_models_that_take_too_few_tokens(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "question_answering", tmp_path / "distilbert-base")
    result = edge_distil("study", "--models", tmp_path, "-o", tmp_path / "out")
    assert result.status == 1
    assert "takes 64 tokens, the study needs 384" in result.err


def test_models_of_another_task(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "embedding", tmp_path / "distilbert-base")
    result = edge_distil("study", "--models", tmp_path, "-o", tmp_path / "out")
    assert result.status == 1
    assert "expected question-answering" in result.err


def test_a_checkpoint_that_was_named_is_not_replaced(edge_distil: Command, tmp_path: Path) -> None:
    result = edge_distil("study", "--distilbert", tmp_path, "-o", tmp_path / "out")
    assert result.status == 1
    assert "no checkpoint (it has no config.json)" in result.err


def test_a_file_in_the_place_of_the_folder(edge_distil: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = edge_distil("study", "-o", tmp_path / "file" / "out")
    assert result.status == 1
    assert "a parent of the path is a file" in result.err


def test_a_squad_file_that_is_not_there(edge_distil: Command, tmp_path: Path) -> None:
    result = edge_distil("study", "--squad", tmp_path / "no.json", "-o", tmp_path / "out")
    assert result.status == 1
    assert "no.json (No such file or directory)" in result.err


def test_the_plans_keep_the_protocols_numbers() -> None:
    full, quick = (make_plan(quick=quick, threads=2, pairs=64) for quick in (False, True))
    assert full.protocol == FULL
    assert (quick.protocol.processes, quick.protocol.warmup_seconds) == (2, QUICK.warmup_seconds)
    for plan, queries, seconds in ((full, 1024, 60), (quick, 128, 10)):
        base = plan.groups[0]
        headline = base.efforts[QUESTIONS]
        assert (headline.queries, headline.seconds) == (queries, seconds)
        assert base.copied
        assert 10 <= 2 * plan.protocol.turn <= 20
        assert {group.threads for group in plan.groups} == {1, 2}
    assert full.inputs - quick.inputs == {FULL_PASSAGE}


def test_a_plan_tells_its_time_from_a_few_passes() -> None:
    """On a machine of known speed, every term of the estimate can be added up by hand."""
    group = Group("one", ("m",), 1, {QUESTIONS: Effort(24, 2.0), PAIRS: Effort(1)})
    protocol = Protocol("p", processes=2, warmup_seconds=3.0, turn=3, cold_starts=2)
    plan = Plan(protocol, (group,), Curves((1,), 4, 1.0), Checks(1, 1.0, 1), (1,), 0.1, 1)
    # 10 ms a pass at 192 tokens, 1 ms at 32.
    probe = [Point("m/fp32", "length", n, 1, 1, (ns,)) for n, ns in ((192, 10**7), (32, 10**6))]
    # Questions: 2 blocks a process of 6 queries: 24 x 10 ms, but 2 s are asked for; pairs: 12 of
    # 1 ms; each after a lead; starts and warm-ups: 2 x 4 s.
    sampled = 2.0 + 0.24 + 2 * 0.012 + 8.0
    shapes = [*LENGTHS, CURVE_TOKENS, CURVE_TOKENS]
    passes = [n * (1e-3 / 32 if n < 112 else 1e-2 / 192) for n in shapes]
    rest = 6 * sum(passes) + 3 * 1.01 + 1 + 0.33
    fixed = 20 + 4 + 2
    found = estimate(plan, probe, {QUESTIONS: 192.0, PAIRS: 32.0}, {"m/fp32": "m"})
    assert found == pytest.approx(sampled + rest + fixed)


def test_one_core_is_not_measured_twice() -> None:
    plan = make_plan(quick=False, threads=1, pairs=64)
    assert plan.threads == (1,)
    assert len({(group.models, group.threads) for group in plan.groups}) == len(plan.groups) == 2


def test_without_the_exporter_the_remedy_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as raised:
        models.find_models(Options(threads=1), StudyFolder(tmp_path / "out"), print)
    assert "export" in str(raised.value)
    assert "or give --models DIR" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()
