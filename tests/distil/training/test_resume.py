"""Killed in the middle and gone on with, a training ends with the same weights, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import distil_data
import numpy as np
import pytest
from safetensors.numpy import load_file

from edge_distil.errors import InputError

# Dropout, accumulation, several passes: all that has a state.
SCRIPT = """
import sys, torch
from edge_distil_distil import Recipe, distil
torch.set_num_threads(1)
_, teacher, output, data, minutes = sys.argv
recipe = Recipe(epochs=4, batch_size=3, accumulate=2, seed=5)
distil(teacher, output, data=data, layers=2, recipe=recipe, save_minutes=float(minutes))
"""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(teacher: Path, output: Path, data: Path, minutes: float) -> list[str]:
    return [sys.executable, "-c", SCRIPT, str(teacher), str(output), str(data), str(minutes)]


def checkpoints(output: Path) -> list[Path]:
    work = output.with_name(f".{output.name}.training")
    return [path.parent for path in work.glob("checkpoint-*/complete")]


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("question-answering", marks=pytest.mark.slow),
        pytest.param("fill-mask", marks=pytest.mark.safety),
    ],
)
def test_a_killed_training_goes_on_to_the_same_weights(task: str, tmp_path: Path) -> None:
    teacher, data = distil_data.teacher(tmp_path, task), distil_data.data(tmp_path, task)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(teacher, whole, data, 60), check=True, env=ENVIRONMENT)
    running = subprocess.Popen(command(teacher, killed, data, 0), env=ENVIRONMENT)
    while len(checkpoints(killed)) < 2 and running.poll() is None:
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not killed.exists()
    left = [int(path.name.partition("-")[2]) for path in checkpoints(killed)]
    steps = json.loads((whole / "edge_distil_student.json").read_text())["run"]["steps"]
    assert 0 < max(left) < steps
    subprocess.run(command(teacher, killed, data, 60), check=True, env=ENVIRONMENT)
    one, other = (load_file(path / "model.safetensors") for path in (whole, killed))
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    begun = load_file(teacher / "model.safetensors")
    tables = [
        array
        for weights in (one, begun)
        for name, array in weights.items()
        if name.endswith("word_embeddings.weight")
    ]
    assert not np.array_equal(*tables)  # it has learnt
    assert not killed.with_name(".killed.training").exists()


@pytest.mark.safety
def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on(tmp_path: Path) -> None:
    task, output = "question-answering", tmp_path / "student"
    teacher, data = distil_data.teacher(tmp_path, task), distil_data.data(tmp_path, task)
    words = [
        sys.executable, "-m", "edge_distil_apps.cli", "distil", teacher, "--data", data,
        "--layers", "2", "-o", output, "--minutes", "0.15", "--batch-size", "2",
    ]  # fmt: skip
    running = subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    work = output.with_name(".student.training")
    while not (work / "targets").is_dir() and running.poll() is None:
        time.sleep(0.01)
    time.sleep(4)  # of the nine seconds that it trains
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 128 + signal.SIGINT, said
    assert "interrupted; what is trained is kept; run the same command again to go on" in said
    assert checkpoints(output)
    assert not output.exists()
    done = subprocess.run(
        [*words, "--resume", "--json"], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    found = json.loads(done.stdout)
    assert found["run"]["seconds"] == pytest.approx(9, abs=1)
    assert not work.exists()


def test_only_the_same_training_goes_on(tmp_path: Path) -> None:
    from edge_distil_distil import Recipe, distil, jobs

    task = "question-answering"
    teacher, data = distil_data.teacher(tmp_path, task), distil_data.data(tmp_path, task)
    output = tmp_path / "student"
    with pytest.raises(InputError, match="no unfinished training"):
        distil(teacher, output, data=data, layers=2, resume=True)
    work = jobs.work_folder(output)
    jobs.open_work(work, {"layers": 3}, anew=False, must_go_on=False)
    (work / "targets").mkdir()
    with pytest.raises(InputError, match="another layers: give the same command"):
        jobs.open_work(work, {"layers": 2}, anew=False, must_go_on=False)
    with pytest.raises(InputError, match="holds an unfinished training"):
        distil(teacher, output, data=data, layers=2, recipe=Recipe(epochs=1))
    distil(teacher, output, data=data, layers=2, recipe=Recipe(epochs=1), overwrite=True)
    assert not work.exists()


@pytest.mark.slow
def test_two_processes_train_one_student(tmp_path: Path) -> None:
    task, output = "question-answering", tmp_path / "student"
    teacher, data = distil_data.teacher(tmp_path, task), distil_data.data(tmp_path, task)
    words = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
        "--master-port", "29517", "-m", "edge_distil_apps.cli", "distil", teacher,
        "--data", data, "--layers", "2", "-o", output, "--epochs", "2", "--batch-size", "3",
    ]  # fmt: skip
    subprocess.run(words, check=True, env=ENVIRONMENT)
    run = json.loads((output / "edge_distil_student.json").read_text())["run"]
    assert run["processes"] == 2
    assert run["steps"] == 2 * 4  # 24 questions, 3 for each process
    assert not output.with_name(".student.training").exists()
