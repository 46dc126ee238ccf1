"""Finding checkpoints, and refusing those that cannot be used, in one clear line."""

from __future__ import annotations

import fnmatch
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from optimum.exporters.tasks import TasksManager

from edge_distil.errors import BundleExists, CheckpointError, InputError, TaskError
from edge_distil.manifest import TASKS
from edge_distil.task_names import task_named
from edge_distil_export import export_bundle
from edge_distil_export.checkpoints.checkpoint import find_checkpoint
from edge_distil_export.tasks import choose_task

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    # The library reads the variable once, when it is imported.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def bert(checkpoint: Callable[..., Path]) -> Path:
    return checkpoint("bert", "question-answering")


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert, tmp_path / "copy"))


def assert_one_line(error: BaseException) -> None:
    assert "\n" not in str(error)


@pytest.mark.usefixtures("offline")
def test_uncached_hub_id_without_network(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not in the hub cache") as caught:
        find_checkpoint("nobody/no-such-model", cache_dir=tmp_path)
    assert_one_line(caught.value)


@pytest.mark.usefixtures("offline")
def test_hub_id_from_the_cache(bert: Path, tmp_path: Path) -> None:
    root = tmp_path / "models--owner--tiny"
    shutil.copytree(bert, root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)

    bundle = export_bundle("owner/tiny", tmp_path / "out", cache_dir=tmp_path)

    assert bundle.manifest.checkpoint.name == "owner/tiny"
    assert bundle.manifest.checkpoint.revision == COMMIT


@pytest.mark.parametrize(
    "name", ["/no/such/directory", "a/b/c", "..", "with space/x", "~nobody-here/x"]
)
def test_neither_directory_nor_hub_id(name: str, tmp_path: Path) -> None:
    if Path(name).is_dir():
        name = str(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="neither a directory nor a hub id"):
        find_checkpoint(name)


def test_local_revision_is_unknown_and_name_is_no_path(bert: Path) -> None:
    source = find_checkpoint(bert)
    assert (source.name, source.revision, source.safetensors) == ("model", None, True)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


def test_unsafe_pickle_is_refused(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (copy / "model.safetensors").unlink()
    with (copy / "pytorch_model.bin").open("wb") as file:
        torch.save({"weight": Harmful()}, file)
    with pytest.raises(CheckpointError, match="pickle may run code") as caught:
        export_bundle(copy, tmp_path / "out")
    assert_one_line(caught.value)
    assert not (tmp_path / "harm").exists()
    assert not (tmp_path / "out").exists()


def test_bin_of_tensors_is_read(copy: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    bundle = export_bundle(copy, tmp_path / "out")
    assert bundle.manifest.task == "question-answering"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.pkl", "holds pickles only"),
        ("flax_model.msgpack", r"another framework only .*from_flax=True"),
        ("saved_model.pb", r"another framework only .*which writes tf_model\.h5"),
        ("rust_model.ot", r"another framework only .*take the checkpoint that it was made from"),
        ("bert_model.ckpt.data-00000-of-00001", r"of TensorFlow 1 .*load_tf_weights_in_bert"),
        ("notes.md", "holds no weights"),
    ],
)
def test_weights_that_cannot_be_used(name: str, message: str, copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / name).write_bytes(pickle.dumps({}))
    with pytest.raises(CheckpointError, match=message) as caught:
        find_checkpoint(copy)
    assert_one_line(caught.value)


def test_tensorflow_1_comes_without_a_config(copy: Path) -> None:
    """As Google published BERT: its configuration is in bert_config.json."""
    for path in copy.iterdir():
        path.unlink()
    for name in ("bert_config.json", "bert_model.ckpt.index", "vocab.txt"):
        (copy / name).touch()
    (copy / "bert_model.ckpt.data-00000-of-00001").touch()
    with pytest.raises(
        CheckpointError, match=r"of TensorFlow 1 .*load_tf_weights_in_bert"
    ) as caught:
        find_checkpoint(copy)
    assert_one_line(caught.value)


@pytest.mark.parametrize(
    ("there", "fetched"),
    [
        (["model.safetensors", "pytorch_model.bin", "tf_model.h5"], ["model.safetensors"]),
        (["pytorch_model.bin", "tf_model.h5"], ["pytorch_model.bin"]),
        (
            ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json", "tf_model.h5"],
            ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"],
        ),
        (["tf_model.h5", "flax_model.msgpack"], ["tf_model.h5"]),
        (
            ["tf_model-00001-of-00001.h5", "tf_model.h5.index.json"],
            ["tf_model-00001-of-00001.h5", "tf_model.h5.index.json"],
        ),
    ],
)
def test_one_kind_of_weights_is_fetched(
    there: list[str], fetched: list[str], copy: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    """From a hub that is a folder: it gives what is of a pattern, as the real one does."""
    (copy / "model.safetensors").unlink()
    for name in there:
        (copy / name).touch()
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()

    def download(name: str, *, allow_patterns: list[str], **options: object) -> str:
        for path in copy.iterdir():
            if any(fnmatch.fnmatch(path.name, pattern) for pattern in allow_patterns):
                shutil.copyfile(path, snapshot / path.name)
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    find_checkpoint("owner/name")
    weights = {path.name for path in snapshot.iterdir()} & {*there, "tf_model.h5"}
    assert weights == set(fetched)


def test_quantized_checkpoint(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq"}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"quantized already \(gptq\)"):
        find_checkpoint(copy)


def test_adapter(copy: Path) -> None:
    (copy / "config.json").rename(copy / "adapter_config.json")
    with pytest.raises(CheckpointError, match="adapter without its model"):
        find_checkpoint(copy)


def test_truncated_weights(copy: Path, tmp_path: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="cannot be loaded") as caught:
        export_bundle(copy, tmp_path / "out")
    assert_one_line(caught.value)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("default", "feature-extraction"),
        ("masked-lm", "fill-mask"),
        ("sequence-classification", "text-classification"),
        ("sequence_classification", "text-classification"),
        ("ner", "token-classification"),
        ("sentence-embedding", "sentence-similarity"),
        ("Question-Answering", "question-answering"),
        ("qa", "question-answering"),
    ],
)
def test_synonyms(name: str, task: str) -> None:
    assert task_named(name) == task


def test_synonyms_are_those_of_optimum() -> None:
    """Its names of tasks that texts are for; other modalities have none here."""
    others = {"image-feature-extraction", "mask-generation", "sentence-similarity"}
    theirs = {
        name: task for name, task in TasksManager._SYNONYM_TASK_MAP.items()
        if task in TASKS and name not in others
    }  # fmt: skip
    assert theirs
    assert {name: task_named(name) for name in theirs} == theirs


def test_task_of_the_checkpoint(bert: Path, minilm: Path) -> None:
    assert choose_task(find_checkpoint(bert)) == "question-answering"
    assert choose_task(find_checkpoint(minilm)) == "sentence-similarity"


@pytest.mark.parametrize(
    ("architectures", "message"),
    [
        ([], "names no architecture"),
        (["GPT2LMHeadModel"], "which is for text-generation"),
        (["SomebodysModel"], "no task can be told"),
    ],
)
def test_no_task_of_ours(architectures: list[str], message: str, copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"architectures": architectures}))
    with pytest.raises(TaskError, match=message) as caught:
        choose_task(find_checkpoint(copy))
    assert "sentence-similarity" in str(caught.value)  # names the possible tasks


def test_unknown_task(bert: Path) -> None:
    with pytest.raises(TaskError, match="expected one of feature-extraction"):
        choose_task(find_checkpoint(bert), "translation")


def test_a_head_without_weights_is_refused(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"no weights for text-classification .*classifier"):
        export_bundle(bert, tmp_path / "out", task="text-classification")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 9}, "opset is 9"),
        ({"atol": float("nan")}, "atol is nan"),
        ({"atol": "small"}, "atol is 'small'"),
        ({"task": 5}, "task is an int"),
        ({"model": 5}, "model is an int"),
        ({"model": "x" * 5_000}, "model is 'x+\\.\\.\\.', which no file can be named"),
        ({"output": None}, "output is None"),
        ({"output": "a\0b"}, "output is .*, which no file can be named"),
    ],
)
def test_arguments(options: dict[str, Any], message: str, bert: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        export_bundle(**{"model": bert, "output": tmp_path / "out", **options})


def test_what_is_there_is_not_replaced(bert: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(BundleExists):
        export_bundle(bert, tmp_path / "full")
