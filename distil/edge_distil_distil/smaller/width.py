"""`prune_feed_forward`: a checkpoint with the neurons that matter most to its outputs.

Two thirds of a layer's weights are its feed-forward half. What is lost here is measured, and is
what a distillation afterwards has to bring back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from edge_distil.errors import InputError
from edge_distil_distil.smaller import checkpoint, feed_forward, tables
from edge_distil_distil.smaller.checkpoint import Checkpoint
from edge_distil_distil.smaller.importance import importances, mean_activations, outputs
from edge_distil_distil.smaller.texts import as_texts, plain_tokenizer

_MOST = 256  # texts that importance is measured on
_HELD_OUT = 8  # every so many texts one is kept to measure the loss on
_LONGEST = 128  # tokens


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What a pruning did.

    Attributes:
        path: The new checkpoint.
        width_before: Neurons of each layer.
        width: Those that are left.
        parameters_before: Of the model.
        parameters: Those that are left.
        bytes_before: Size of the weights, in the precision of their file.
        bytes: The same, after it.
        texts: That importance was measured on.
        kept: Share of the summed importance that the neurons which are left have, a layer each.
        error: Squared change of the outputs over their squared size, on other texts than these:
            what is lost before any training.
    """

    path: Path
    width_before: int
    width: int
    parameters_before: int
    parameters: int
    bytes_before: int
    bytes: int
    texts: int
    kept: tuple[float, ...]
    error: float


def prune_feed_forward(
    checkpoint_folder: str | Path,
    output: str | Path,
    width: int,
    texts: Iterable[str],
    *,
    overwrite: bool = False,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Pruned:
    """Write a checkpoint whose layers have fewer neurons in their feed-forward half.

    Args:
        checkpoint_folder: A directory that ``save_pretrained`` or sentence-transformers wrote.
        output: The new checkpoint's directory; it appears only when all went well.
        width: Neurons to keep in every layer.
        texts: Of the kind that the model is for, without labels; at most 256 of them, spread over
            all, are read, up to 128 tokens each.
        overwrite: Replace what an earlier call wrote at `output`.
        tell: Hears how many texts are done, of how many.

    Raises:
        BundleExists: `output` holds something that is not to be replaced.
        CheckpointError: The checkpoint cannot be read.
        DistilError: Its layers have no feed-forward half of a known form.
        InputError: `width` is out of range, there are fewer than 2 texts, or `output` lies in the
            checkpoint.
        StorageError: `output` cannot be written.
    """
    source_folder, place = Path(checkpoint_folder), Path(output)
    every = as_texts(texts)
    with checkpoint.written_beside(source_folder, place, overwrite=overwrite) as staged:
        source = checkpoint.read(source_folder, torch.float32)
        key, before = feed_forward.width_of(source.model.config)
        if not 1 <= width < before:
            raise InputError(f"width is {width}, expected 1 to {before - 1}, less than it is now")
        rows, held_out = _split(_rows(source, every))
        expected = [outputs(source.model, row).detach() for row in held_out]
        count = source.model.num_parameters()
        kept = _prune(source.model, width, rows, tell)
        folder = checkpoint.copy_others(source, staged)
        checkpoint.rewrite_config(folder, lambda config: {**config, key: width})
        error = _error(source.model, held_out, expected)
        source.model.to(checkpoint.stored_dtype(source))
        checkpoint.write_weights(source, folder)
        found = Pruned(
            path=place,
            width_before=before,
            width=width,
            parameters_before=count,
            parameters=source.model.num_parameters(),
            bytes_before=checkpoint.weight_bytes(source.folder),
            bytes=checkpoint.weight_bytes(folder),
            texts=len(rows),
            kept=kept,
            error=error,
        )
        record = {**dataclasses.asdict(found), "path": place.name}
        checkpoint.record(staged, {"feed_forward": record})
    return found


def _rows(source: Checkpoint, texts: Sequence[str]) -> list[list[int]]:
    """Return token ids of some of the texts, spread over all."""
    longest = min(tables.positions(source.model) or _LONGEST, _LONGEST)
    backend = plain_tokenizer(source.tokenizer.backend_tokenizer)
    step = max(1, len(texts) // (_MOST + _MOST // (_HELD_OUT - 1)))
    return [encoding.ids[:longest] for encoding in backend.encode_batch(list(texts[::step]))]


def _split(rows: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the rows to measure importance on, and others to measure what is lost."""
    if len(rows) < 2:
        raise InputError(
            f"there is {len(rows)} text, expected at least 2: one measures what the other lost"
        )
    held_out = rows[1::_HELD_OUT]
    return [row for i, row in enumerate(rows) if i % _HELD_OUT != 1][:_MOST], held_out


def _prune(
    model: Any, width: int, rows: list[list[int]], tell: Callable[[int, int], None]
) -> tuple[float, ...]:
    """Prune every layer; return the share of importance that each keeps."""
    blocks = feed_forward.find(model)
    means = mean_activations(model, blocks, rows)
    found = importances(model, blocks, rows, means, tell=tell)
    shares = []
    for block, importance, mean in zip(blocks, found, means, strict=True):
        best = importance.topk(width).indices.sort().values
        shares.append(float(importance[best].sum() / importance.sum().clamp_min(1e-30)))
        block.keep(best, mean)
    setattr(model.config, feed_forward.width_of(model.config)[0], width)
    return tuple(shares)


@torch.no_grad()
def _error(model: Any, rows: list[list[int]], expected: list[torch.Tensor]) -> float:
    change = sum(
        float(((outputs(model, r) - e) ** 2).sum()) for r, e in zip(rows, expected, strict=True)
    )
    return change / sum(float((e**2).sum()) for e in expected)
