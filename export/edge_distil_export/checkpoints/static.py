"""Static embeddings: a table with one vector a token, of model2vec or of sentence-transformers.

Two layouts: model2vec's (``config.json``, and ``model.safetensors`` with ``embeddings`` and perhaps
``weights`` and ``mapping``), and sentence-transformers', whose ``modules.json`` begins with a
StaticEmbedding (``embedding.weight``). model2vec writes a ``modules.json`` as well: such a
directory is model2vec's, for the two libraries differ about unknown tokens and long texts.

Source: ``load_pretrained`` of model2vec 0.10 and ``StaticEmbedding.load`` of sentence-transformers
6.2.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil._reading.sentence_modules import Module, SentenceModules, static_folder

MODEL2VEC, SENTENCE_TRANSFORMERS = "model2vec", "sentence-transformers"
TABLES = {MODEL2VEC: "embeddings", SENTENCE_TRANSFORMERS: "embedding.weight"}
# What sentence-transformers has no file for, and what model2vec leaves out of older ones.
_CONFIGS: dict[str, dict[str, Any]] = {
    MODEL2VEC: {"model_type": "model2vec", "architectures": ["StaticModel"]},
    SENTENCE_TRANSFORMERS: {
        "model_type": "static-embedding",
        "architectures": ["StaticEmbedding"],
    },
}
_NORMALIZE = Module("Normalize", "1_Normalize")


class Found(NamedTuple):
    """A table of static embeddings on this disk.

    Attributes:
        library: `MODEL2VEC` or `SENTENCE_TRANSFORMERS`: whose numbers are its.
        folder: Where its weights and ``tokenizer.json`` are.
    """

    library: str
    folder: Path


def find_static(path: Path) -> Found | None:
    """Say whether a directory holds static embeddings, and whose; ``None`` for any other.

    Raises:
        BundleError: Its ``modules.json`` is damaged.
    """
    folder = static_folder(path)
    config = _read(path / "config.json")
    kind = config.get("model_type") if config is not None else None
    if kind == MODEL2VEC or (config is not None and kind is None and _holds_embeddings(path)):
        return Found(MODEL2VEC, path)
    return Found(SENTENCE_TRANSFORMERS, folder) if folder is not None else None


def complete_config(library: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that says what the model is, whatever the library wrote."""
    return {**_CONFIGS[library], **config}


def model2vec_modules(config: dict[str, Any]) -> SentenceModules:
    """Return model2vec's pipeline: the mean and, where ``normalize`` says so, length 1."""
    steps = (_NORMALIZE,) if config.get("normalize") else ()
    return SentenceModules(("mean",), 0, steps, static=True)


def is_installed(library: str) -> bool:
    """Say whether a library is there to prove what it made."""
    return importlib.util.find_spec(library.replace("-", "_")) is not None


def _read(file: Path) -> dict[str, Any] | None:
    """Read a configuration; one that is damaged is reported by who needs it."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def _holds_embeddings(path: Path) -> bool:
    """Say whether weights are model2vec's, by their name: its early releases named no type."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path / "model.safetensors", framework="numpy") as file:
            return TABLES[MODEL2VEC] in file.keys()  # noqa: SIM118  it is no mapping
    except (OSError, SafetensorError):
        return False
