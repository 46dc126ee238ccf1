"""Models of a checkpoint's own Python code, built the way that code builds them.

transformers builds every model without memory first and fills the weights in. What the code itself
computes and no checkpoint holds, buffers with ``persistent=False``, is left as uninitialised memory
unless the class says how to make it, as transformers' own classes do and others' do not.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from edge_distil._reading.printable import shortened
from edge_distil.errors import CheckpointError
from edge_distil_export.checkpoints.checkpoint import Source

_SEEDS = (0, 1)
_SETTINGS = ("config.json", "tokenizer_config.json")  # the files of transformers that name code


def class_references(source: Source) -> dict[str, list[str]]:
    """Return auto class -> the checkpoint's own classes for it: ``modeling_own.OwnModel``.

    One in another repository of the hub has its name before it: ``owner/code--modeling.Model``.
    """
    found: dict[str, list[str]] = {}
    for name in _SETTINGS:
        for auto, references in _auto_map(source.path / name).items():
            listed = references if isinstance(references, list) else [references]
            found.setdefault(auto, []).extend(one for one in listed if isinstance(one, str))
    return found


def refused(source: Source) -> CheckpointError:
    """Make the error of a checkpoint whose code nobody allowed to run, which names the code."""
    references = (one for listed in class_references(source).values() for one in listed)
    files = dict.fromkeys(name for one in references for name in _files(source.path, one))
    named = f" ({', '.join(map(shortened, files))})" if files else ""
    return CheckpointError(
        f"{source.name} needs Python code of its own{named}, which edge-distil does not run "
        "unasked: read that code, then pass --trust-remote-code"
    )


def _files(folder: Path, reference: str) -> list[str]:
    """Return the file of a class, and those beside it that it imports; none of them is run."""
    from transformers.dynamic_module_utils import get_relative_import_files

    name = f"{reference.rpartition('.')[0]}.py"
    try:
        beside = get_relative_import_files(folder / name)
    except (OSError, ValueError):  # in another repository, absent, or no text
        beside = []
    return [name, *sorted(Path(file).name for file in beside)]


def _auto_map(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8")).get("auto_map")
    except (OSError, ValueError, AttributeError):  # whoever reads the file itself will say so
        return {}
    return found if isinstance(found, dict) else {}


def rebuild(source: Source, model: Any, missing: Collection[str]) -> Any:
    """Build a model of remote code directly and give it the weights that were loaded.

    Args:
        source: The checkpoint.
        model: What ``from_pretrained`` gave; one of transformers' own classes comes back as it is.
        missing: Weights that the checkpoint lacks, as transformers reports them.

    Returns:
        The model, its buffers as its own code makes them.

    Raises:
        CheckpointError: The code draws a buffer at random, so that no two loads are the same.
    """
    if not model.is_custom_code():
        return model
    built = _build(model, _SEEDS[0])
    made = dict(built.named_non_persistent_buffers())
    if made:
        again = dict(_build(model, _SEEDS[1]).named_non_persistent_buffers())
        _check_equal(source, made, again)
    absent = {*missing, *_absent_buffers(model)}
    weights = {key: value for key, value in model.state_dict().items() if key not in absent}
    built.load_state_dict(weights, strict=False)
    built.tie_weights()
    return built


def _build(model: Any, seed: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return type(model)(copy.deepcopy(model.config))


def _absent_buffers(model: Any) -> set[str]:
    """Name the buffers that the class lets a checkpoint lack: theirs is the code's own value."""
    patterns = model._keys_to_ignore_on_load_missing or ()
    names = (name for name, _ in model.named_buffers())
    return {name for name in names if any(re.search(pattern, name) for pattern in patterns)}


def _check_equal(source: Source, made: dict[str, Any], again: dict[str, Any]) -> None:
    for name, buffer in made.items():
        if not torch.equal(buffer, again[name]):
            raise CheckpointError(
                f"{source.name}'s own code draws {name} at random whenever it is loaded and the "
                "checkpoint does not hold it, expected the same values each time: register it "
                "as a persistent buffer and save_pretrained the model"
            )
