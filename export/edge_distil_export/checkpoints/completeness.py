"""Did every weight find its place, and is it a number? What transformers lets pass is refused here.

A weight that the model does not read is a part of the checkpoint that its results lack; one that
the checkpoint does not have is drawn at random. Comparing the graph with the same model shows
neither.
"""

from __future__ import annotations

import copy
import inspect
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch

from edge_distil.errors import CheckpointError, TaskError
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.graphs.heads import OUTPUTS, Head

# Weights that the graph does not read, so a checkpoint may lack them: buffers, and where the
# hidden states are the result, the pooler.
_UNREAD = ("position_ids", "token_type_ids")
_UNREAD_POOLER = ("pooler.",)
# Counting buffers of older releases, and the heads that DeBERTa-v3 was trained with, which
# transformers' classes name otherwise.
_LEFT_OVER = re.compile(r"(^|\.)(position_ids|token_type_ids)$|^lm_predictions\.lm_head\.")
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # of layer norms in checkpoints made from TF
_WRAPPERS = re.compile(r"^(encoder\.)?model\.")  # of our own modules around the checkpoint's
_NAMED = 3  # weights that a message names


def check_loaded(source: Source, task: str, model: Any, report: Mapping[str, Any]) -> None:
    """Check what transformers says of loading a checkpoint.

    Args:
        source: The checkpoint.
        task: One of `edge_distil.manifest.TASKS`.
        model: The model, its weights loaded.
        report: From ``from_pretrained(..., output_loading_info=True)``.

    Raises:
        CheckpointError: A weight has another shape than the configuration says, or one is left
            over that belongs to no model of the checkpoint's family.
        TaskError: The head has no weights: it would answer at random.
    """
    _check_shapes(source, report["mismatched_keys"])
    _check_head(source, task, report["missing_keys"])
    _check_left_over(source, model, report["unexpected_keys"])


def check_finite(source: Source, head: Head) -> None:
    """Check that every weight is a number.

    Buffers may be infinite, as masks are.

    Raises:
        CheckpointError: One is NaN or infinite.
    """
    for name, weight in head.named_parameters():
        if weight.is_floating_point() and not _is_finite(weight):
            raise _no_number(source, name)
    for name, buffer in head.named_buffers():
        if buffer.is_floating_point() and torch.isnan(buffer).any():
            raise _no_number(source, name)


def _is_finite(weight: torch.Tensor) -> bool:
    """Say whether all are numbers, by a sum: a fifth of the time of a look at each.

    A sum may overflow though each is a number; then each is looked at.
    """
    return bool(torch.isfinite(weight.sum()) or torch.isfinite(weight).all())


def _no_number(source: Source, name: str) -> CheckpointError:
    return CheckpointError(
        f"{source.name}'s weight {_WRAPPERS.sub('', name)} holds NaN or infinity, expected "
        "numbers: its training failed or its file was damaged; fetch it again or train it again"
    )


def _check_shapes(source: Source, mismatched: Iterable[tuple[str, Any, Any]]) -> None:
    shapes = sorted((name, tuple(got), tuple(expected)) for name, got, expected in mismatched)
    if shapes:
        name, got, expected = shapes[0]
        others = f" and {len(shapes) - 1} more" if shapes[1:] else ""
        raise CheckpointError(
            f"{source.name}'s weight {name} is {got}, expected {expected} by config.json{others}: "
            "give it the config.json that belongs to its weights"
        )


def _check_head(source: Source, task: str, missing: Collection[str]) -> None:
    hidden_states = "last_hidden_state" in OUTPUTS[task]
    unread = _UNREAD + _UNREAD_POOLER if hidden_states else _UNREAD
    absent = [key for key in missing if not any(part in key for part in unread)]
    if absent:
        raise TaskError(
            f"{source.name} has no weights for {task} ({_some(absent)}): choose the task it was "
            "trained for, or fine-tune it first"
        )


def _check_left_over(source: Source, model: Any, unexpected: Collection[str]) -> None:
    if not unexpected:
        return
    own, foreign = _names(model), _names_of_family(model)
    ignored = _ignored_by_family(model)
    left_over = [
        key
        for key in unexpected
        if not _LEFT_OVER.search(key)
        and not any(re.search(pattern, key) for pattern in ignored)
        and _name(model, key) not in foreign - own
    ]
    if left_over:
        raise CheckpointError(
            f"{source.name} holds weights that {type(model).__name__} does not read "
            f"({_some(left_over)}), so the graph would lack a part of the checkpoint; expected "
            "those of transformers' own models of this type: merge them with the library that "
            "made them, or, if nothing needs them, load it with transformers and save_pretrained it"
        )


def _names_of_family(model: Any) -> set[str]:
    """Name the weights of all models that the family has, this one's configuration given.

    A checkpoint of one of these, loaded as another, leaves its head behind (and the pooler, where
    the other has none): not a part of what the other computes.
    """
    names: set[str] = set()
    for family_class in _family(model):
        try:
            with torch.device("meta"):
                names |= _names(family_class(copy.deepcopy(model.config)))
        except Exception:  # a class that wants more than the configuration has: not this family's
            continue
    return names


def _family(model: Any) -> list[Any]:
    """Return the model classes beside the model's own, in the module that defines it."""
    from transformers import PreTrainedModel

    module = sys.modules[type(model).__module__]
    classes: list[Any] = [kind for _, kind in inspect.getmembers(module, inspect.isclass)]
    own = type(model).config_class
    return [k for k in classes if issubclass(k, PreTrainedModel) and k.config_class is own]


def _ignored_by_family(model: Any) -> set[str]:
    """Return the patterns of weights that the family's classes leave aside, each on its own."""
    patterns = (kind._keys_to_ignore_on_load_unexpected for kind in _family(model))
    return {pattern for some in patterns if some for pattern in some}


def _names(model: Any) -> set[str]:
    return {_name(model, key) for key in model.state_dict()}


def _name(model: Any, key: str) -> str:
    """Return a weight's name within the family: without the base model's prefix, in new words."""
    head, dot, last = key.removeprefix(f"{model.base_model_prefix}.").rpartition(".")
    return f"{head}{dot}{_OLD_NAMES.get(last, last)}"


def _some(keys: Collection[str]) -> str:
    """Name the first few of them, and say how many there are."""
    some = sorted(keys)
    return ", ".join(some[:_NAMED]) + (f", ... {len(some)} in all" if some[_NAMED:] else "")
