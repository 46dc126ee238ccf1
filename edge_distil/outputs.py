"""What a model gives, checked before it is read: a number is given only where there is one.

A graph that was damaged, overflows (fp16) or belongs to another task runs without an error, and
what it gives looks like an answer once a softmax has been over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil.bundle import Bundle
from edge_distil.calls import kind
from edge_distil.errors import OutputError
from edge_distil.pooling import Floats
from edge_distil.session import Tokens

Shape = tuple[int | None, ...]  # None: of any length from 1

POOLED, SPARSE = "sentence_embedding", "sparse_embedding"
TOKENS = "token_embeddings"  # of late interaction, and what others call hidden states
PER_ROW = ("multiple-choice", "text-classification")  # tasks whose logits are not by token
_PER_TOKEN = ("start_logits", "end_logits")
HIDDEN = ("last_hidden_state", TOKENS)  # ours and optimum's, sentence-transformers'
_EXPORT = "export the checkpoint again, or use another variant"


class OutputCheck:
    """Checks the outputs of one variant.

    Attributes:
        bundle: Says the task and its labels.
        variant: The variant that runs.
    """

    def __init__(self, bundle: Bundle, variant: str) -> None:
        self.bundle = bundle
        self.variant = variant

    def names(self, wanted: Iterable[str], given: Sequence[str]) -> None:
        """Check that the model has the outputs that its task reads.

        Raises:
            OutputError: One is absent.
        """
        if absent := [name for name in wanted if name not in given]:
            raise OutputError(
                f"{self} has no output {absent[0]}, only {', '.join(given)}: it is no "
                f"{self.bundle.manifest.task} model; {_EXPORT}"
            )

    def shapes(self, found: Mapping[str, Any], ids: Tokens, *, asked: bool = True) -> None:
        """Check the type and shape of what the model gave for one batch.

        Args:
            found: Output name -> what the runtime gave.
            ids: The batch ``(batch, sequence)``.
            asked: The outputs were asked for by name; else some may be such as no task reads.

        Raises:
            OutputError: An output is of another type, rank or length than its task reads.
        """
        for name, array in found.items():
            expected = _expected(self.bundle, name, ids.shape, asked)
            floats = isinstance(array, np.ndarray) and array.dtype.kind == "f"
            if expected is None or (floats and _fits(array.shape, expected)):
                continue
            got = (
                f"{array.dtype} of shape {array.shape}" if hasattr(array, "dtype") else kind(array)
            )
            shape = ", ".join("any" if length is None else str(length) for length in expected)
            raise OutputError(
                f"{self} gives {name} as {got}, expected floats of shape ({shape}) for "
                f"{self.bundle.manifest.task}: {_EXPORT}"
            )

    def finite(self, name: str, array: Floats, mask: NDArray[Any] | None = None) -> Floats:
        """Return what the model gave, if it is finite.

        Args:
            name: The output's name.
            array: The output, or what the task reads of it.
            mask: Attention mask ``(batch, sequence)``, where an output may have a number for
                each token: padding may hold anything.

        Raises:
            OutputError: It holds NaN or infinity.
        """
        finite = np.isfinite(array)
        if mask is not None and not finite.all() and array.shape[:2] == mask.shape:
            finite = finite[mask == 1]
        if finite.all():
            return array
        raise OutputError(
            f"{self} gives {name} with {int((~finite).sum()):,} of {finite.size:,} numbers NaN or "
            f"infinite, expected finite ones: the model is damaged or overflows; {_EXPORT}"
        )

    def __str__(self) -> str:
        """Name the variant, for messages."""
        return f"the variant {self.variant} of {self.bundle.path}"


def pooled(task: str) -> str:
    """Return the output of a task that has no axis of tokens, where a graph of it has one."""
    if task == "sparse-embedding":
        return SPARSE
    return "logits" if task in PER_ROW else POOLED


def _expected(bundle: Bundle, name: str, shape: tuple[int, ...], asked: bool) -> Shape | None:
    """Return the shape of an output; ``None`` for one that no task reads."""
    manifest, (rows, tokens) = bundle.manifest, shape
    if name in _PER_TOKEN:
        return (rows, tokens)
    if name in (POOLED, SPARSE):
        known = manifest.pooling if not bundle.inferred else None
        return (rows, known.dimension if known else None)
    if name == "logits":
        if manifest.task == "multiple-choice":
            return (rows, 1)
        labels = len(manifest.labels) if manifest.task.endswith("-classification") else 0
        axes = (rows,) if manifest.task in PER_ROW else (rows, tokens)
        return (*axes, labels or None)
    if name == TOKENS and manifest.late_interaction is not None:
        return (rows, tokens, manifest.late_interaction.dimension)
    if name in HIDDEN or asked:
        cls = manifest.pooling is not None and manifest.pooling.mode == "cls"
        return (rows, None if cls else tokens, None)  # CLS pooling may give its token alone
    return None


def _fits(shape: tuple[int, ...], expected: Shape) -> bool:
    return len(shape) == len(expected) and all(
        got == wanted if wanted is not None else got > 0
        for got, wanted in zip(shape, expected, strict=True)
    )
