"""A table of static embeddings as a model: an encoder without layers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from edge_distil._reading.printable import first_line
from edge_distil.errors import CheckpointError
from edge_distil.manifest import LONGEST_SEQUENCE
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.static import MODEL2VEC, TABLES
from edge_distil_export.checkpoints.static_tokens import StaticTokens
from edge_distil_export.checkpoints.tensors import PICKLE, read_tensors
from edge_distil_export.checkpoints.weights import SAFETENSORS

_MATRIX = 2


@dataclass(frozen=True)
class StaticConfig:
    """What the exporter asks of a model's configuration.

    Attributes:
        vocab_size: Ids are below this.
        hidden_size: Length of a token's vector.
        left_out: Id of the token that is no part of a text's mean, if there is one.
        max_position_embeddings: There are no positions, and so no limit but the bundle's.
    """

    vocab_size: int
    hidden_size: int
    left_out: int | None
    model_type: str = "static-embedding"
    pad_token_id: int = 0
    max_position_embeddings: int = LONGEST_SEQUENCE


class StaticTable(nn.Module):
    """``table[mapping[ids]] * weights[ids]``, what a model of transformers is to its encoder.

    Args:
        table: float32 ``(rows, hidden)``.
        mapping: Of each id its row, int64 ``(vocabulary, 1)``; ``None`` where these are the same.
        weights: Of each id its factor, float32 ``(vocabulary, 1)``; ``None`` where all are 1.
        left_out: See `StaticConfig`.
    """

    mapping: Tensor | None

    def __init__(
        self, table: Tensor, mapping: Tensor | None, weights: Tensor | None, left_out: int | None
    ) -> None:
        super().__init__()
        vocabulary = len(table if mapping is None else mapping)
        self.config = StaticConfig(vocabulary, table.shape[1], left_out)
        self.embedding = nn.Embedding(len(table), table.shape[1], _weight=table, _freeze=True)
        self.register_buffer("mapping", mapping)
        self.weights = None if weights is None else nn.Parameter(weights, requires_grad=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Look up ``(batch, sequence)`` ids."""
        rows = input_ids
        if self.mapping is not None:
            rows = functional.embedding(input_ids, self.mapping).squeeze(-1)
        hidden = self.embedding(rows)  # (batch, sequence, hidden)
        if self.weights is not None:
            hidden = hidden * functional.embedding(input_ids, self.weights)
        return {"last_hidden_state": hidden}


def load_table(source: Source, tokens: StaticTokens) -> StaticTable:
    """Load the table of a checkpoint, in float32.

    Factors without a mapping go into the table, which is then no larger than it was.

    Args:
        source: The checkpoint.
        tokens: Its tokenizer.

    Raises:
        CheckpointError: The weights cannot be read, or do not fit each other or the tokenizer.
    """
    assert source.static is not None
    tensors, name = _read(source), TABLES[source.static]
    if name not in tensors:
        raise CheckpointError(
            f"{source.name} holds {', '.join(sorted(tensors)) or 'nothing'}, expected "
            f"{name}, the table of static embeddings: fetch it again"
        )
    table = tensors[name]
    of_model2vec = source.static == MODEL2VEC
    mapping = tensors.get("mapping") if of_model2vec else None
    weights = tensors.get("weights") if of_model2vec else None
    _check(source.name, tokens, table, mapping, weights)
    if weights is not None and mapping is None:
        table, weights = table.double() * weights.double()[:, None], None
    return StaticTable(
        table.float(),
        None if mapping is None else mapping.long()[:, None],
        None if weights is None else weights.float()[:, None],
        tokens.left_out,
    )


def _read(source: Source) -> dict[str, Tensor]:
    """Read all tensors of the checkpoint.

    Raises:
        CheckpointError: The file is damaged, or holds more than tensors.
    """
    try:
        return read_tensors(source.path)
    except Exception as error:  # torch's, safetensors' and the pickle reader's share no base
        weights = SAFETENSORS if source.safetensors else PICKLE
        raise CheckpointError(
            f"{source.name}'s {weights} cannot be read ({type(error).__name__}: "
            f"{first_line(error)}): fetch it again"
        ) from error


def _check(
    name: str, tokens: StaticTokens, table: Tensor, mapping: Tensor | None, weights: Tensor | None
) -> None:
    """Check that each token of the tokenizer has a row.

    Raises:
        CheckpointError: One has none, or a tensor is of another shape or type than it must be.
    """
    if table.ndim != _MATRIX or not table.numel() or table.is_complex():
        raise CheckpointError(
            f"{name}'s table of static embeddings is {table.dtype} of shape {tuple(table.shape)}, "
            "expected numbers of shape (tokens, dimension): fetch it again"
        )
    if mapping is not None:
        _check_mapping(name, mapping, len(table))
    rows = len(table if mapping is None else mapping)
    if weights is not None and weights.shape != (rows,):
        raise CheckpointError(
            f"{name}'s weights are of shape {tuple(weights.shape)}, expected ({rows},), a factor "
            "for each token: fetch it again"
        )
    if (largest := tokens.largest_id) >= rows:
        what = "table of static embeddings" if mapping is None else "mapping"
        raise CheckpointError(
            f"{name}'s tokenizer gives ids up to {largest}, its {what} has {rows} rows, expected "
            f"at least {largest + 1}: give it the tokenizer.json that belongs to its weights"
        )


def _check_mapping(name: str, mapping: Tensor, rows: int) -> None:
    whole = not mapping.is_floating_point() and not mapping.is_complex() and mapping.ndim == 1
    if not whole or not mapping.numel():
        raise CheckpointError(
            f"{name}'s mapping is {mapping.dtype} of shape {tuple(mapping.shape)}, expected whole "
            "numbers of shape (tokens,), of each token its row: fetch it again"
        )
    least, most = int(mapping.min()), int(mapping.max())
    if least < 0 or most >= rows:
        outside = least if least < 0 else most
        raise CheckpointError(
            f"{name}'s mapping leads to row {outside}, expected 0 to {rows - 1}, the rows of its "
            "table of static embeddings: fetch it again"
        )
