"""``edge-distil models``: what it names is what there is."""

from __future__ import annotations

import json

import tiny as tiny_checkpoints
import transformers
from command import Command, run_without
from further import FURTHER

from edge_distil.manifest import TASKS
from edge_distil.task_names import task_named
from edge_distil_apps.supported import TESTED


def test_tasks_and_families_are_those_of_the_code(edge_distil: Command) -> None:
    document = json.loads(edge_distil("models", "--json").out)
    assert sorted(task["name"] for task in document["tasks"]) == sorted(TASKS)
    for task in document["tasks"]:
        assert all(task_named(name) == task["name"] for name in task["also"])
    assert document["tested"] == sorted([*tiny_checkpoints.FAMILIES, *FURTHER])
    assert document["others"] is None
    out = edge_distil("models").out
    for name in (*TASKS, *TESTED):
        assert name in out


def test_the_others_are_encoders_of_the_installed_transformers(edge_distil: Command) -> None:
    document = json.loads(edge_distil("models", "--all", "--json").out)
    assert not set(document["others"]) & set(TESTED)
    assert {"fnet", "luke", "nystromformer"} <= set(document["others"])
    assert not {"bart", "gpt2", "t5", "llama"} & set(document["others"])
    for kind in (*document["others"], *TESTED):
        assert kind in transformers.CONFIG_MAPPING


def test_a_thin_install_lists_what_is_tested() -> None:
    assert run_without("transformers", "models").status == 0
    done = run_without("transformers", "models", "--all")
    assert done.status == 1
    assert "[export]" in done.err
