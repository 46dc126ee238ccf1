"""Settings of the Transformer module of a sentence-transformers checkpoint.

Source: ``Transformer.load_config`` and ``Transformer.__init__`` of sentence-transformers 6.2.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_distil._reading import fields
from edge_distil._reading.fields import Fields
from edge_distil._reading.printable import shortened
from edge_distil.errors import TaskError

# In the library's order: the first that is there and holds something.
NAMES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
# Transformer task -> the tensor that it reads and what it is called behind the module.
_OUTPUTS = {
    "feature-extraction": ("last_hidden_state", "token_embeddings"),
    "sequence-classification": ("logits", "scores"),
    "fill-mask": ("logits", "token_embeddings"),
}
# How weights are read and attention is computed changes no result.
_IGNORED_MODEL_OPTIONS = ("add_pooling_layer", "attn_implementation", "trust_remote_code")
_IGNORED_TOKENIZER_OPTIONS = ("clean_up_tokenization_spaces", "trust_remote_code", "use_fast")
_KNOWN = (
    "transformer_task",
    "modality_config",
    "module_output_name",
    "unpad_inputs",
    "processor_kwargs",
    "model_kwargs",
    "max_seq_length",
    "do_lower_case",
)
# What late interaction has beside, a part of which other models were saved with, as nothing.
LATE_SETTINGS = ("query_length", "document_length", "query_expansion")
_OLD_NAMES = {
    "model_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "config_args": "config_kwargs",
}


@dataclass(frozen=True)
class TransformerSettings:
    """What the module does beside running its transformer.

    Attributes:
        max_length: Longest sequence in tokens; it overrides the tokenizer's own.
        lower_case: Texts are put into lower case, whatever the tokenizer does.
        tokenizer_options: Options for the loading of the tokenizer.
    """

    max_length: int | None = None
    lower_case: bool = False
    tokenizer_options: Mapping[str, Any] = field(default_factory=dict)


def read_late_settings(folder: Path) -> Fields:
    """Read `LATE_SETTINGS` as far as they are in the module's folder."""
    settings = _read(folder)
    found = {name: settings.values[name] for name in LATE_SETTINGS if name in settings.values}
    return Fields(found, settings.file)


def read_transformer_settings(
    folder: Path, task: str, *, usual: str | None = None, further: Collection[str] = ()
) -> TransformerSettings:
    """Read the settings in the module's folder.

    Args:
        folder: Of the module.
        task: ``"feature-extraction"``, ``"sequence-classification"`` or ``"fill-mask"``.
        usual: The module's task where the settings name none; by default `task`.
        further: Names of settings that the caller reads.

    Raises:
        BundleCorrupt: A file is not JSON, or a field is of the wrong kind.
        TaskError: A setting that edge-distil does not have, by name.
    """
    settings = _read(folder)
    _check_outputs(settings, task, usual or task)
    _check_model(settings, further)
    options = dict(settings.object("processor_kwargs").values)
    length = Fields(options, settings.file, "processor_kwargs").optional_whole(
        "model_max_length", 1, fields.NO_LIMIT
    ) or settings.optional_whole("max_seq_length", 1, fields.NO_LIMIT)
    ignored = (*_IGNORED_TOKENIZER_OPTIONS, "model_max_length")
    return TransformerSettings(
        max_length=length,
        lower_case=settings.flag("do_lower_case"),
        tokenizer_options={k: v for k, v in options.items() if k not in ignored},
    )


def _read(folder: Path) -> Fields:
    for name in NAMES:
        if (folder / name).is_file():
            found = fields.read(folder / name)
            if found.values:
                values = {_OLD_NAMES.get(key, key): value for key, value in found.values.items()}
                return Fields(values, found.file)
    return Fields({}, str(folder / NAMES[0]))


def _check_outputs(settings: Fields, task: str, usual: str) -> None:
    """Refuse a module that reads or gives something else than the usual tensor."""
    if (settings.optional_text("transformer_task") or usual) != task:
        raise _unknown(settings, "transformer_task", task)
    tensor, name = _OUTPUTS[task]
    modalities = settings.object("modality_config")
    for modality in modalities.values:
        entry = modalities.object(modality)
        method = entry.optional_text("method"), entry.optional_text("method_output_name")
        if modality == "message" or (modality == "text" and method != ("forward", tensor)):
            raise _unknown(settings, "modality_config", f"text, read from forward's {tensor}")
    if modalities.values and "text" not in modalities.values:
        raise _unknown(settings, "modality_config", "text")
    if modalities.values and settings.optional_text("module_output_name") != name:
        raise _unknown(settings, "module_output_name", name)


def _check_model(settings: Fields, further: Collection[str]) -> None:
    for name, value in settings.values.items():
        if name not in (*_KNOWN, *further) and value not in (None, {}, []):
            raise _unknown(settings, name)
    options = settings.object("model_kwargs")
    for name, value in options.values.items():
        exact = name in ("dtype", "torch_dtype") and value in (None, "auto", "float32")
        if name not in _IGNORED_MODEL_OPTIONS and not exact:
            raise _unknown(options, name)


def _unknown(settings: Fields, name: str, expected: str = "no such setting") -> TaskError:
    place = f"{settings.place}.{name}" if settings.place else name
    return TaskError(
        f"{settings.file}: {shortened(place)} is {shortened(repr(settings.values.get(name)))}, "
        f"which edge-distil does not have, expected {expected}: take it out if the model does "
        "without, or export it with --task feature-extraction"
    )
