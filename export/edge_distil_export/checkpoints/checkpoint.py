"""Find a checkpoint: a local directory, or a hub id through huggingface_hub's cache."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._reading.sentence_modules import transformer_folder
from edge_distil.errors import CheckpointError, reason
from edge_distil.manifest import FILE_NAME
from edge_distil_export.checkpoints.static import MODEL2VEC, complete_config, find_static

# What a bundle or its making needs; weights of other frameworks and ONNX copies stay on the hub.
_CONFIGURATION = (
    "*.json", "*.txt", "*.model", "*.bpe", "README.md", "*.py", "model_head.pkl",
    "adapter_model.safetensors", "adapter_model.bin",
)  # fmt: skip
_SAFETENSORS = ("model.safetensors", "model-*-of-*.safetensors", "*/model.safetensors")
_PICKLED = ("pytorch_model.bin", "pytorch_model-*-of-*.bin", "*/pytorch_model.bin")
_OTHER_FOLDERS = ("onnx/*", "openvino/*", "coreml/*", "original/*")
_OTHER_FRAMEWORKS = ("tf_model.h5", "flax_model.msgpack", "model.ckpt.index", "rust_model.ot")
_PICKLE_SUFFIXES = (".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Source:
    """A checkpoint on this disk.

    Attributes:
        path: The directory of its weights and ``config.json``.
        name: The hub id, or the directory's name (never a path: it goes into the bundle).
        revision: The commit, where it is known.
        safetensors: True where the weights are safetensors, False where they are a ``.bin``
            that only torch's ``weights_only`` reader may open.
        config: ``config.json``.
        modules: The directory above it that has ``modules.json``, where the transformer of a
            sentence-transformers checkpoint is in a folder of its own.
        static: The library of a table of static embeddings, of `static.TABLES`; else ``None``.
    """

    path: Path
    name: str
    revision: str | None
    safetensors: bool
    config: dict[str, Any]
    modules: Path | None = None
    static: str | None = None

    @property
    def root(self) -> Path:
        """The checkpoint's directory: of its ``modules.json`` and its model card."""
        return self.modules or self.path

    @property
    def architecture(self) -> str | None:
        """The class that the weights were saved from, as ``config.json`` says."""
        names = self.config.get("architectures")
        first = names[0] if isinstance(names, list) and names else names
        return first if isinstance(first, str) and first else None


def find_checkpoint(
    model: str | Path,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
) -> Source:
    """Find a checkpoint and look at what it holds, without reading the weights.

    Args:
        model: A directory, or an id such as ``distilbert/distilbert-base-uncased``.
        revision: Branch, tag or commit (hub ids only).
        token: Access token; the environment's ``HF_TOKEN`` or the stored login when ``None``.
        cache_dir: Download cache; ``HF_HOME`` decides when ``None``.

    Raises:
        CheckpointError: It is not there, cannot be reached, or its weights cannot be used.
        TaskError: It is a model of sentence-transformers of neither a transformer nor a table.
    """
    path = Path(os.path.expanduser(model))  # ~nobody is no name of a user: it stays
    if path.is_dir():
        path = path.resolve()
        name, hub = path.name, False
    elif path.exists():
        raise CheckpointError(f"{model} is a file, expected a checkpoint directory or a hub id")
    else:
        path, name, hub = _download(str(model), revision, token, cache_dir), str(model), True
    commit = path.name if _COMMIT.fullmatch(path.name) else None
    static = find_static(path)
    library = static.library if static else None
    root, path = path, static.folder if static else transformer_folder(path)
    config = _read_config(path, name) if library in (None, MODEL2VEC) else {}
    return Source(
        path=path,
        name=name,
        revision=commit or (revision if hub else None),
        safetensors=_weights(path, name),
        config=complete_config(library, config) if library else config,
        modules=None if path == root else root,
        static=library,
    )


def _download(
    name: str, revision: str | None, token: str | bool | None, cache_dir: str | Path | None
) -> Path:
    """Return the snapshot directory, from the network or from the cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise CheckpointError(
            f"{name} is neither a directory nor a hub id (owner/name): check the path"
        ) from error

    def fetch(patterns: tuple[str, ...]) -> Path:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                allow_patterns=list(patterns),
                ignore_patterns=list(_OTHER_FOLDERS),
            )
        )

    try:
        path = fetch(_CONFIGURATION + _SAFETENSORS)
        return path if _has_safetensors(path) else fetch(_CONFIGURATION + _PICKLED)
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name} is gated: accept its terms on its hub page, then set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{name} has no revision {revision!r}: check the name") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"there is no directory {name} and the hub shows no such model: check the name, or "
            "set HF_TOKEN if the model is private"
        ) from error
    except (LocalEntryNotFoundError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{name} is not a directory here and not in the hub cache, and the hub cannot be "
            "reached (offline, or HF_HUB_OFFLINE is set): connect, or give a local directory"
        ) from error


def _read_config(path: Path, name: str) -> dict[str, Any]:
    file = path / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if (path / "adapter_config.json").is_file():
            what = "an adapter without its model: merge it into the model and save that"
        else:
            what = "no checkpoint (it has no config.json): give what save_pretrained wrote"
        raise CheckpointError(f"{name} is {what}") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read ({reason(error)}): fetch it again") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{file} is not a JSON object, as a model's configuration is")
    if (quantized := config.get("quantization_config")) is not None:
        method = quantized.get("quant_method") if isinstance(quantized, dict) else quantized
        raise CheckpointError(
            f"{name} is quantized already ({method}): export the original checkpoint, then "
            "quantize the bundle"
        )
    return config


def _has_safetensors(path: Path) -> bool:
    names = ("model.safetensors", "model.safetensors.index.json")
    return any((path / name).is_file() for name in names)


def _weights(path: Path, name: str) -> bool:
    """Return True for safetensors, False for a ``.bin``; raise where there is neither."""
    if _has_safetensors(path):
        return True
    if any((path / f"pytorch_model.bin{suffix}").is_file() for suffix in ("", ".index.json")):
        return False
    files = sorted(file.name for file in path.iterdir())
    foreign = [file for file in files if file in _OTHER_FRAMEWORKS]
    pickles = [file for file in files if file.endswith(_PICKLE_SUFFIXES)]
    if foreign:
        raise CheckpointError(
            f"{name} holds weights of another framework only ({', '.join(foreign)}), expected "
            "model.safetensors: convert it once with transformers 4 (from_pretrained(..., "
            "from_tf=True or from_flax=True), then save_pretrained)"
        )
    if pickles:
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
        f"{name} holds no weights, expected model.safetensors or pytorch_model.bin: fetch the "
        "whole checkpoint"
    )
