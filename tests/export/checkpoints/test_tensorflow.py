"""Checkpoints of TensorFlow: its own numbers, from its own files, where it is not installed.

The archives, and what TensorFlow computed, are of tests/golden/make_tensorflow.py.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import edge_distil as ed
from edge_distil.encoder import open_encoder
from edge_distil.errors import CheckpointError, EdgeDistilError, MissingExtra, TaskError
from edge_distil_apps.cli import console
from edge_distil_export import export_bundle
from edge_distil_export.checkpoints.checkpoint import find_checkpoint

pytestmark = pytest.mark.wide

GOLDEN = Path(__file__).parents[2] / "golden" / "of_tensorflow"
# Tokens are joined with their neighbours, and TensorFlow's padding has a vector: whole rows count.
JOINED = "mobilebert-fill-mask"
ARCHIVES = {path.stem: path for path in GOLDEN.rglob("*.zip")}
NAMES = sorted(ARCHIVES)
TOLERANCE = 1e-4
TASKS = {"ForPreTraining": "fill-mask"}
OURS = {"prediction_logits": "logits"}  # what the outputs of pretraining are called in fill-mask


def unpack(name: str, folder: Path) -> Path:
    with zipfile.ZipFile(ARCHIVES[name]) as archive:
        archive.extractall(folder)
    return folder


def read_expected(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text("utf-8"))
    return found


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    return unpack("distilbert-classifier", tmp_path / "model")


def test_tensorflow_is_not_here() -> None:
    assert not [name for name in ("tensorflow", "tf_keras", "keras") if find_spec(name)]


def test_all_heads_of_both_families_are_recorded() -> None:
    classes = {
        json.loads(zipfile.ZipFile(ARCHIVES[name]).read("expected.json"))["class"] for name in NAMES
    }
    heads = ("Model", *(f"For{h}" for h in (
        "MaskedLM", "SequenceClassification", "QuestionAnswering", "TokenClassification",
        "MultipleChoice")))  # fmt: skip
    assert {f"TF{family}{head}" for family in ("DistilBert", "Bert") for head in heads} <= classes


@pytest.mark.parametrize(
    "name",
    [
        name if name.startswith("distilbert") else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
    ],
)
def test_the_numbers_of_tensorflow(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path / "model")
    head = re.sub(r"TF.*?(Model|For\w+)$", r"\1", read_expected(folder)["class"])
    compare(name, folder, tmp_path / "out", TASKS.get(head))


@pytest.mark.slow
def test_the_encoder_alone_of_a_model_that_chooses(tmp_path: Path) -> None:
    name = "distilbert-choice"
    compare(name, unpack(name, tmp_path / "model"), tmp_path / "out", "feature-extraction")


def compare(name: str, folder: Path, output: Path, task: str | None) -> None:
    expected = read_expected(folder)
    bundle = export_bundle(folder, output, task=task)
    encoder = open_encoder(bundle.path)
    texts = [tuple(text) if isinstance(text, list) else text for text in expected["texts"]]
    feeds = encoder.features(encoder.tokenizer.encode(texts))
    inputs = {name: np.array(rows) for name, rows in expected["inputs"].items()}
    for fed in encoder.session.inputs:
        np.testing.assert_array_equal(feeds[fed], inputs[fed])
    found = encoder.outputs(feeds)
    outputs = {OURS.get(name, name): np.array(v) for name, v in expected["outputs"].items()}
    assert set(found) <= set(outputs)
    mask = inputs["attention_mask"] == 1
    assert not mask.all()  # a row is padded
    if name == JOINED:
        mask &= mask.all(1, keepdims=True)
    for output, values in found.items():
        per_token = values.shape[:2] == mask.shape
        chosen = mask if per_token else slice(None)
        difference = np.abs(values[chosen] - outputs[output][chosen]).max()
        assert difference <= TOLERANCE, (output, difference)
        assert np.ptp(outputs[output][chosen]) > 100 * TOLERANCE


def test_the_witness_is_said_to_be_blind_to_the_conversion(
    classifier: Path, tmp_path: Path
) -> None:
    bundle = export_bundle(classifier, tmp_path / "out")
    [variant] = bundle.manifest.variants.values()
    assert "weights of TensorFlow" in variant.evidence["end_to_end"]["unseen"]
    assert bundle.manifest.checkpoint.name == "model"
    assert not list((tmp_path / "out").rglob("*.safetensors"))


def test_a_transformer_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """As sentence-transformers saved models before release 2: mean pooling of TensorFlow's."""
    root = tmp_path / "model"
    folder = unpack("distilbert-model", root / "0_Transformer")
    kinds = ("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)
    ]
    (root / "modules.json").write_text(json.dumps(modules))
    (root / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (root / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    expected = read_expected(folder)

    export_bundle(root, tmp_path / "out")

    mask = np.array(expected["inputs"]["attention_mask"])[:, :, None]
    states = np.array(expected["outputs"]["last_hidden_state"])
    means = (states * mask).sum(1) / mask.sum(1)
    vectors = ed.load(tmp_path / "out", task="sentence-similarity").encode(expected["texts"])
    assert np.abs(vectors - means).max() <= TOLERANCE


def test_the_class_may_bear_the_name_of_tensorflow(classifier: Path, tmp_path: Path) -> None:
    """As those write it who fill in config.json by hand."""
    file = classifier / "config.json"
    config = json.loads(file.read_text("utf-8"))
    assert config["architectures"] == ["DistilBertForSequenceClassification"]
    file.write_text(json.dumps({**config, "architectures": ["TFDistilBertForMaskedLM"]}))
    with pytest.raises(TaskError, match="no weights for fill-mask"):
        export_bundle(classifier, tmp_path / "out")
    file.write_text(
        json.dumps({**config, "architectures": ["TFDistilBertForSequenceClassification"]})
    )
    assert export_bundle(classifier, tmp_path / "out").manifest.task == "text-classification"


def test_h5py_comes_with_the_extra(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = "edge_distil_export.checkpoints.tensorflow.hdf5"
    monkeypatch.delitem(sys.modules, reader, raising=False)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match=r"\[export\]"), console.needs_export():
        export_bundle(classifier, tmp_path / "out")


def test_safetensors_of_pytorch_go_first(classifier: Path) -> None:
    assert find_checkpoint(classifier).from_tensorflow
    save_file({"a": np.zeros(1)}, classifier / "model.safetensors", metadata={"format": "pt"})
    source = find_checkpoint(classifier)
    assert (source.safetensors, source.from_tensorflow) == (True, False)


Change = Callable[[h5py.File], object]


def _listed(place: h5py.Group, attribute: str) -> list[str]:
    names = place.attrs[attribute]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _list(place: h5py.Group, attribute: str, names: list[str]) -> None:
    place.attrs[attribute] = [name.encode() for name in names]


def _kernel(file: h5py.File) -> str:
    """The path of the dense layer's kernel."""
    names = _listed(file["pre_classifier"], "weight_names")
    return f"pre_classifier/{next(name for name in names if 'kernel' in name)}"


def _put(values: Any) -> Change:
    def change(file: h5py.File) -> None:
        path = _kernel(file)
        del file[path]
        file[path] = values

    return change


def _without_the_head(file: h5py.File) -> None:
    _list(file, "layer_names", [n for n in _listed(file, "layer_names") if "classifier" not in n])


def _with_another_layer(file: h5py.File) -> None:
    _list(file, "layer_names", [*_listed(file, "layer_names"), "adapter"])
    layer = file.create_group("adapter")
    _list(layer, "weight_names", ["model/adapter/kernel:0"])
    layer["model/adapter/kernel:0"] = np.zeros((32, 32), np.float32)


def _with_two_values(file: h5py.File) -> None:
    path = _kernel(file)
    layer = file["classifier"]
    name = path.partition("/")[2]
    _list(layer, "weight_names", [*_listed(layer, "weight_names"), name])
    layer[name] = file[path][()] + 1


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (_put(np.zeros((32, 31), np.float32)), CheckpointError,
         r"pre_classifier\.weight is \(31, 32\), expected \(32, 32\)"),
        (_put(np.full((32, 32), np.nan, np.float32)), CheckpointError,
         r"pre_classifier\.weight holds NaN"),
        (_without_the_head, TaskError, r"no weights for text-classification \(classifier\.bias"),
        (_with_another_layer, CheckpointError, r"does not read \(adapter\.weight\)"),
        (_with_two_values, CheckpointError, r"two different values of pre_classifier\.weight"),
    ],
    ids=["shape", "NaN", "missing", "left over", "twice"],
)  # fmt: skip
def test_weights_that_are_not_the_models(
    change: Change, kind: type[EdgeDistilError], message: str, classifier: Path, tmp_path: Path
) -> None:
    with h5py.File(classifier / "tf_model.h5", "r+") as file:
        change(file)
    with pytest.raises(kind, match=message) as caught:
        export_bundle(classifier, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": {"a": "../other.h5"}}'])
def test_an_index_that_names_no_shards(text: str, tmp_path: Path) -> None:
    folder = unpack("bert-shards", tmp_path / "model")
    (folder / "tf_model.h5.index.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"tf_model\.h5\.index\.json is no index of shards"):
        export_bundle(folder, tmp_path / "out")


def test_a_shard_that_is_not_there(tmp_path: Path) -> None:
    folder = unpack("bert-shards", tmp_path / "model")
    next(folder.glob("tf_model-00002-of-*.h5")).unlink()
    with pytest.raises(CheckpointError, match=r"lacks tf_model-00002-of-\d+\.h5"):
        export_bundle(folder, tmp_path / "out")


def test_a_damaged_shard_of_safetensors(tmp_path: Path) -> None:
    folder = unpack("bert-safetensors-shards", tmp_path / "model")
    shard = sorted(folder.glob("model-*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=rf"{shard.name} cannot be read") as caught:
        export_bundle(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)
