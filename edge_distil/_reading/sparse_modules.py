"""A SparseEncoder of sentence-transformers as data: a masked-LM head, pooled over the tokens.

Source: ``SpladePooling``, ``MLMTransformer``, ``Transformer`` and ``SparseEncoder`` of its release
6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_distil._reading import fields, sentence_modules
from edge_distil._reading.fields import Fields
from edge_distil._reading.manifest_pooling import ACTIVATIONS, SIMILARITIES, STRATEGIES
from edge_distil._reading.printable import shortened
from edge_distil._reading.sentence_modules import SPARSE_ENCODER, Module
from edge_distil._reading.sentence_settings import TransformerSettings, read_transformer_settings
from edge_distil.errors import TaskError

_LEGACY, _TRANSFORMER = "MLMTransformer", "Transformer"  # the former until release 5.4
_POOLING = "SpladePooling"
_KNOWN = (
    "pooling_strategy",
    "activation_function",
    "embedding_dimension",
    "word_embedding_dimension",
)
_SIMILARITY = "dot"  # where the checkpoint names none


@dataclass(frozen=True)
class SparseModules:
    """The pipeline of a sparse checkpoint; the defaults are those of a bare masked-LM one.

    Attributes:
        strategy: One of `STRATEGIES`, over the tokens.
        activation: One of `ACTIVATIONS`, of a logit; ``log(1 + x)`` follows.
        transformer: Settings of the Transformer module.
        prompts: Prompt texts by name.
        default_prompt: Name of the prompt used by default.
        similarity: How the vectors are compared, one of `SIMILARITIES`.
        max_active_dims: Numbers kept in a vector, the greatest; all where ``None``.
    """

    strategy: str = STRATEGIES[0]
    activation: str = ACTIVATIONS[0]
    transformer: TransformerSettings = field(default_factory=TransformerSettings)
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    similarity: str = _SIMILARITY
    max_active_dims: int | None = None


def is_sparse_model(path: Path) -> bool:
    """True where the directory has the modules of a SparseEncoder."""
    has_modules = (path / "modules.json").is_file()
    return has_modules and sentence_modules.model_type(path) == SPARSE_ENCODER


def read_sparse_modules(path: Path) -> SparseModules:
    """Read the pipeline of the checkpoint or bundle at `path`.

    Raises:
        BundleFileMissing: A file is missing.
        BundleCorrupt: A file is not JSON, or a field is missing or of the wrong kind.
        TaskError: A module or a setting that edge-distil does not have.
    """
    modules = sentence_modules.modules_of(path)
    kinds = [module.kind for module in modules]
    known = kinds in ([_LEGACY, _POOLING], [_TRANSFORMER, _POOLING])
    if not known or sentence_modules.model_type(path) != SPARSE_ENCODER:
        raise _wrong_modules(path, modules)
    settings = sentence_modules.read_model_settings(path)
    pooling = fields.read(path / modules[1].folder / "config.json")
    _check_known(pooling)
    prompts = settings.object("prompts")
    similarity = settings.optional_text("similarity_fn_name")
    return SparseModules(
        strategy=_choice(pooling, "pooling_strategy", STRATEGIES),
        activation=_choice(pooling, "activation_function", ACTIVATIONS),
        transformer=_transformer(path, modules[0]),
        prompts={name: prompts.text(name) for name in prompts.values if name in prompts},
        default_prompt=settings.optional_text("default_prompt_name"),
        similarity=similarity if similarity in SIMILARITIES else _SIMILARITY,
        max_active_dims=settings.optional_whole("max_active_dims", 1),
    )


def _transformer(path: Path, module: Module) -> TransformerSettings:
    """Read the settings; a plain Transformer must say that it gives a masked-LM head's logits."""
    usual = "fill-mask" if module.kind == _LEGACY else "feature-extraction"
    return read_transformer_settings(path / module.folder, "fill-mask", usual=usual)


def _check_known(pooling: Fields) -> None:
    if unknown := [name for name in pooling.values if name not in _KNOWN]:
        raise TaskError(
            f"{pooling.file} has the setting {shortened(unknown[0])}, which edge-distil does not "
            f"have, expected {', '.join(_KNOWN)}: {_ELSEWHERE}"
        )


def _choice(pooling: Fields, name: str, choices: Sequence[str]) -> str:
    """Return a setting of the pooling; earlier releases had no activation to choose."""
    value: Any = pooling.values.get(name, choices[0])
    if value not in choices:
        raise TaskError(
            f"{pooling.file} has {name} {shortened(repr(value))}, expected "
            f"{' or '.join(choices)}: {_ELSEWHERE}"
        )
    return str(value)


def _wrong_modules(path: Path, modules: Sequence[Module]) -> TaskError:
    kind = shortened(sentence_modules.model_type(path))
    found = shortened(" -> ".join(module.kind for module in modules) or "empty", most=100)
    return TaskError(
        f"{path} is a {kind} of sentence-transformers whose modules.json is {found}, which "
        f"edge-distil does not run; expected a {SPARSE_ENCODER} of {_TRANSFORMER} (or {_LEGACY}) "
        f"-> {_POOLING} for sparse embeddings: choose such a checkpoint"
    )


_ELSEWHERE = "export it with --task fill-mask and pool in your own code"
