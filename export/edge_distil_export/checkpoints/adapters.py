"""An adapter beside the full weights: merged by peft, as transformers applies it where peft is.

Without peft transformers passes the adapter over in silence, and the model is the base's.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_distil._reading.printable import first_line
from edge_distil.errors import CheckpointError
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.linked import link_files

CONFIG_FILE = "adapter_config.json"
WEIGHT_FILES = ("adapter_model.safetensors", "adapter_model.bin")
_NAME = "default"  # under which peft keeps an adapter's weights


def has_adapter(source: Source) -> bool:
    """True where an adapter lies beside the weights.

    Raises:
        CheckpointError: It cannot be merged here, or is not whole.
    """
    found = [name for name in (CONFIG_FILE, *WEIGHT_FILES) if (source.path / name).is_file()]
    if not found:
        return False
    if CONFIG_FILE not in found or len(found) < 2:
        raise CheckpointError(
            f"{source.name} holds {found[0]} alone, expected {CONFIG_FILE} with "
            f"{' or '.join(WEIGHT_FILES)}: fetch the other one, or take this one out"
        )
    if importlib.util.find_spec("peft") is None:
        raise CheckpointError(
            f"{source.name} holds an adapter beside its weights ({', '.join(found)}), which peft "
            "merges: pip install peft, or merge it where peft is (merge_and_unload) and "
            "save_pretrained the result"
        )
    return True


@contextmanager
def base_alone(source: Source) -> Iterator[Path]:
    """Give a directory with the checkpoint's files but the adapter's.

    transformers would load both, and report of the weights of the adapter alone.
    """
    with TemporaryDirectory() as name:
        # The folder's name is the module's of remote code.
        folder = Path(name, source.path.name)
        link_files(source.path, folder, but=(CONFIG_FILE, *WEIGHT_FILES))
        yield folder


def trained_whole(source: Source, keys: Collection[str]) -> set[str]:
    """Return those weights that the adapter replaces: a head that was trained with it.

    Raises:
        CheckpointError: The adapter is of a kind that cannot be merged into the weights.
    """
    modules = getattr(_read_config(source), "modules_to_save", None) or ()
    return {key for key in keys if set(key.split(".")) & set(modules)}


def merge(source: Source, model: Any) -> Any:
    """Merge the adapter into a model.

    Raises:
        CheckpointError: It does not fit the model, or cannot be merged.
    """
    import peft

    config = _read_config(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = peft.get_peft_model(model, config, adapter_name=_NAME)
            loaded = adapted.load_adapter(source.path, _NAME, is_trainable=False)
            merged = adapted.merge_and_unload(safe_merge=True)
    except Exception as error:  # peft's own kinds, and torch's for shapes
        raise CheckpointError(
            f"{source.name}'s adapter cannot be merged into its weights ({type(error).__name__}: "
            f"{first_line(error)}): expected one that was trained on them; merge it where it was "
            "trained and save_pretrained the result"
        ) from error
    absent = [key for key in loaded.missing_keys if _NAME in key.split(".")]
    if wrong := sorted([*absent, *loaded.unexpected_keys]):
        raise CheckpointError(
            f"{source.name}'s adapter has other weights than {CONFIG_FILE} says ({wrong[0]}, "
            f"{len(wrong)} in all): fetch both again"
        )
    return merged


def attach(source: Source, model: Any) -> Any:
    """Put the adapter on a model as its own library does, unmerged; returns the model."""
    import peft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peft.PeftModel.from_pretrained(model, source.path).get_base_model()


def _read_config(source: Source) -> Any:
    import peft

    try:
        config = peft.PeftConfig.from_pretrained(source.path)
        prompts = bool(config.is_prompt_learning)
    except Exception as error:  # any kind: no JSON, another library's adapter, a later peft's
        raise CheckpointError(
            f"{source.name}'s {CONFIG_FILE} is none that peft reads ({type(error).__name__}: "
            f"{first_line(error)}): merge the adapter with the library that made it and "
            "save_pretrained the result"
        ) from error
    if prompts:
        raise CheckpointError(
            f"{source.name}'s adapter ({config.peft_type.value}) puts vectors before every text, "
            "expected one that can be merged into the weights, such as LoRA: choose another"
        )
    return config
