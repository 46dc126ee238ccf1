"""Which files hold a checkpoint's weights, and what to do about those that cannot be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

from edge_distil.errors import CheckpointError, reason
from edge_distil.manifest import FILE_NAME

Kind = Literal["safetensors", "pickle", "tensorflow"]

SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
HDF5, HDF5_INDEX = "tf_model.h5", "tf_model.h5.index.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_PICKLE_SUFFIXES = (".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt")
_SHARD = re.compile(r"(model|tf_model)-\d+-of-\d+\.(safetensors|h5)")
# TensorFlow 1 numbers the files of a checkpoint, beside NAME.ckpt.index.
_TENSORFLOW_1 = "*.data-*-of-*"
# What each needs once, in an environment of its own; transformers 5 reads none of them.
_REMEDIES = {
    "flax_model.msgpack": "convert it once with transformers 4 and flax "
    "(from_pretrained(..., from_flax=True), then save_pretrained)",
    "saved_model.pb": "load the model with transformers 4 and TensorFlow, as it was made, and "
    "save_pretrained it, which writes tf_model.h5",
    "rust_model.ot": "take the checkpoint that it was made from",
}
_REMEDY_1 = (
    "convert it once with transformers 4, torch and tensorflow "
    "(load_tf_weights_in_bert(BertForPreTraining(config), config, 'bert_model.ckpt'), then "
    "save_pretrained), and copy vocab.txt there"
)


def find_weights(path: Path, name: str) -> Kind:
    """Say of what kind the weights in a directory are.

    Args:
        path: The directory.
        name: What to call the checkpoint in messages.

    Raises:
        CheckpointError: There are none, or none that can be read.
    """
    if kind := _known(path):
        return kind
    _check_framework(path, name)
    files = sorted(file.name for file in path.iterdir())
    if pickles := [file for file in files if file.endswith(_PICKLE_SUFFIXES)]:
        raise CheckpointError(
            f"{name} holds pickles only ({', '.join(pickles)}), which may run code when read; "
            "expected model.safetensors: load it where you trust it and save_pretrained it"
        )
    if (path / FILE_NAME).is_file():
        raise CheckpointError(
            f"{path} is a bundle already, expected a checkpoint with weights: add variants to it "
            f"with `edge-distil quantize {path} --int8`"
        )
    if any(path.glob("onnx/*.onnx")) or any(path.glob("*.onnx")):
        raise CheckpointError(
            f"{path} holds ONNX that others exported, expected a checkpoint with weights: make a "
            f"bundle of it with `edge-distil quantize {path} -o DIR --int8`"
        )
    raise CheckpointError(
        f"{name} holds no weights, expected model.safetensors, pytorch_model.bin or tf_model.h5: "
        "fetch the whole checkpoint"
    )


def tensorflow_files(path: Path, name: str) -> list[Path]:
    """Return the files of a checkpoint of TensorFlow, each a whole one or one of its shards.

    Raises:
        CheckpointError: Its index cannot be read, or names other files than shards beside it.
    """
    pairs = ((SAFETENSORS, SAFETENSORS_INDEX), (HDF5, HDF5_INDEX))
    whole, index = next((pair for pair in pairs if _has(path, *pair)), pairs[-1])
    if (path / whole).is_file():
        return [path / whole]
    try:
        shards = set(json.loads((path / index).read_text("utf-8"))["weight_map"].values())
        if not shards or not all(_SHARD.fullmatch(shard) for shard in shards):
            raise ValueError("its weight_map names no shards")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{name}'s {index} is no index of shards ({reason(error)}): fetch it again"
        ) from error
    if absent := sorted(shard for shard in shards if not (path / shard).is_file()):
        raise CheckpointError(
            f"{name} lacks {absent[0]}, which its {index} names: fetch the whole checkpoint"
        )
    return [path / shard for shard in sorted(shards)]


def check_not_tensorflow_1(path: Path, name: str) -> None:
    """Refuse the files of TensorFlow 1, which come with a configuration of their own, if at all.

    Raises:
        CheckpointError: There are such files.
    """
    if found := sorted(file.name for file in path.glob(_TENSORFLOW_1)):
        raise CheckpointError(
            f"{name} holds a checkpoint of TensorFlow 1 ({found[0]}), which nothing but TensorFlow "
            f"reads: {_REMEDY_1}"
        )


def _known(path: Path) -> Kind | None:
    """Return the kind that is read, of several the one that transformers takes."""
    if _has(path, SAFETENSORS, SAFETENSORS_INDEX):
        return "tensorflow" if _format(path) == "tf" else "safetensors"
    if _has(path, *_PICKLES):
        return "pickle"
    return "tensorflow" if _has(path, HDF5, HDF5_INDEX) else None


def _check_framework(path: Path, name: str) -> None:
    check_not_tensorflow_1(path, name)
    for file, remedy in _REMEDIES.items():
        if (path / file).is_file():
            raise CheckpointError(
                f"{name} holds weights of another framework only ({file}), expected "
                f"model.safetensors, pytorch_model.bin or tf_model.h5: {remedy}"
            )


def _format(path: Path) -> str | None:
    """Return which framework safetensors are of; ``None`` where they do not say, or are damaged."""
    from safetensors import SafetensorError, safe_open

    shards = sorted(path.glob("model-*-of-*.safetensors"))
    file = path / SAFETENSORS
    try:
        with safe_open(file if file.is_file() else shards[0], "numpy") as opened:
            return (opened.metadata() or {}).get("format")
    except (SafetensorError, OSError, IndexError):  # whoever loads it will say so
        return None


def _has(path: Path, *names: str) -> bool:
    return any((path / name).is_file() for name in names)
