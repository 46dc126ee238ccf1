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
from edge_distil_export.checkpoints.static import MODEL2VEC, complete_config, find_static
from edge_distil_export.checkpoints.weights import check_not_tensorflow_1, find_weights

# What a bundle or its making needs; of weights one kind, and no ONNX copies.
_CONFIGURATION = (
    "*.json", "*.txt", "*.model", "*.bpe", "README.md", "*.py", "model_head.pkl",
    "artifact.metadata", "adapter_model.safetensors", "adapter_model.bin",
)  # fmt: skip
_WEIGHTS = (
    ("model.safetensors", "model-*-of-*.safetensors"),
    ("pytorch_model.bin", "pytorch_model-*-of-*.bin"),
    ("tf_model.h5", "tf_model-*-of-*.h5"),
)
_OTHER_FOLDERS = ("onnx/*", "openvino/*", "coreml/*", "original/*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Source:
    """A checkpoint on this disk.

    Attributes:
        path: The directory of its weights and ``config.json``.
        name: The hub id, or the directory's name (never a path: it goes into the bundle).
        revision: The commit, where it is known.
        safetensors: True where PyTorch's weights are safetensors, False where they are a ``.bin``
            that only torch's ``weights_only`` reader may open.
        config: ``config.json``.
        modules: The directory above it that has ``modules.json``, where the transformer of a
            sentence-transformers checkpoint is in a folder of its own.
        static: The library of a table of static embeddings, of `static.TABLES`; else ``None``.
        from_tensorflow: True where the weights are TensorFlow's, which `as_pytorch` converts.
    """

    path: Path
    name: str
    revision: str | None
    safetensors: bool
    config: dict[str, Any]
    modules: Path | None = None
    static: str | None = None
    from_tensorflow: bool = False

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
    weights = find_weights(path, name)
    return Source(
        path=path,
        name=name,
        revision=commit or (revision if hub else None),
        safetensors=weights == "safetensors",
        config=complete_config(library, config) if library else config,
        modules=None if path == root else root,
        static=library,
        from_tensorflow=weights == "tensorflow",
    )


def _download(
    name: str, revision: str | None, token: str | bool | None, cache_dir: str | Path | None
) -> Path:
    """Return the snapshot directory, from the network or from the cache."""
    for names in _WEIGHTS:
        patterns = (*_CONFIGURATION, *names, f"*/{names[0]}")
        path = _fetch(name, patterns, revision=revision, token=token, cache_dir=cache_dir)
        static = find_static(path)
        folder = static.folder if static else transformer_folder(path)
        if any(file for pattern in names for file in folder.glob(pattern)):
            break
    return path


def _fetch(name: str, patterns: tuple[str, ...], **options: Any) -> Path:
    """Return the snapshot directory with the files that are of a pattern."""
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
        return Path(
            snapshot_download(
                name,
                allow_patterns=list(patterns),
                ignore_patterns=list(_OTHER_FOLDERS),
                **options,
            )
        )
    except HFValidationError as error:
        raise CheckpointError(
            f"{name} is neither a directory nor a hub id (owner/name): check the path"
        ) from error
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name} is gated: accept its terms on its hub page, then set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(
            f"{name} has no revision {options['revision']!r}: check the name"
        ) from error
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
        check_not_tensorflow_1(path, name)
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
