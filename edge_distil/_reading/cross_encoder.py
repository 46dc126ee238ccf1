"""Cross-encoders of sentence-transformers: pairs of texts in, scores by their own activation out.

Source: ``CrossEncoder._parse_model_config`` and ``get_default_activation_fn`` of
sentence-transformers 6.2. Releases before 5.2 save no ``modules.json``; their ``config.json`` names
the activation.
"""

from __future__ import annotations

from pathlib import Path

from edge_distil._reading import sentence_modules
from edge_distil._reading.fields import Fields
from edge_distil._reading.printable import shortened
from edge_distil._reading.sentence_settings import TransformerSettings, read_transformer_settings
from edge_distil.errors import TaskError

_FUNCTIONS = {"Identity": "none", "Sigmoid": "sigmoid", "Softmax": "softmax"}
_TRUSTED = "torch."  # the library imports no activation from elsewhere, and takes its default


def is_cross_encoder(root: Path, config: Fields) -> bool:
    """True where a cross-encoder was saved.

    Args:
        root: The checkpoint's directory.
        config: Its ``config.json``.
    """
    return _has_modules(root) or bool(_named(config))


def function_to_apply(root: Path, config: Fields, labels: int) -> str:
    """Return what turns logits into scores: ``"sigmoid"``, ``"softmax"`` or ``"none"``.

    Args:
        root: The checkpoint's directory.
        config: Its ``config.json``.
        labels: How many logits there are for a pair.

    Raises:
        TaskError: It is another function.
    """
    settings = sentence_modules.read_model_settings(root)
    saved = [settings.values.get("activation_fn")] if _has_modules(root) else []
    for name in (*saved, *_named(config)):
        if isinstance(name, str) and name.startswith(_TRUSTED):
            if (kind := name.rsplit(".", 1)[-1]) in _FUNCTIONS:
                return _FUNCTIONS[kind]
            raise TaskError(
                f"{root} turns logits into scores by {shortened(name)}, expected torch.nn's "
                f"{', '.join(_FUNCTIONS)}: save the cross-encoder with one of these"
            )
    return "sigmoid" if labels == 1 else "none"


def read_settings(root: Path) -> TransformerSettings:
    """Read the settings of the Transformer module, and refuse what does more than that.

    Raises:
        TaskError: There is another module, a default prompt or an unknown setting.
    """
    if not _has_modules(root):
        return TransformerSettings()
    folder = sentence_modules.only_transformer(root)
    settings = sentence_modules.read_model_settings(root)
    prompt = settings.optional_text("default_prompt_name")
    if prompt and settings.object("prompts").values.get(prompt):
        raise TaskError(
            f"{settings.file} puts the prompt {shortened(prompt)} before every text, expected a "
            "cross-encoder without default_prompt_name: take it out and give the prompt yourself"
        )
    return read_transformer_settings(folder, "sequence-classification")


def _has_modules(root: Path) -> bool:
    is_saved = (root / "modules.json").is_file()
    return is_saved and sentence_modules.model_type(root) == sentence_modules.CROSS_ENCODER


def _named(config: Fields) -> list[object]:
    """Return the activation that ``config.json`` names, in the newer or the older way."""
    own = config.values.get("sentence_transformers")
    if isinstance(own, dict) and "activation_fn" in own:
        return [own["activation_fn"]]
    old = config.values.get("sbert_ce_default_activation_function")
    return [] if old is None else [old]
