"""Checkpoint -> a module with plain tensors in and out, one for each task."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edge_distil._reading.printable import first_line
from edge_distil._reading.sentence_modules import SentenceModules
from edge_distil._reading.sparse_modules import SparseModules
from edge_distil.errors import ExportError
from edge_distil_export.checkpoints.sentence_steps import Dense, Normalize, load_step
from edge_distil_export.checkpoints.setfit import FittedHead
from edge_distil_export.graphs.pooling import pool, pool_hidden, pool_logits
from edge_distil_export.graphs.vocabulary import take_decoder
from edge_distil_export.limits import first_position

BATCH_AXIS, LENGTH_AXIS = "batch_size", "sequence_length"
POSITIONS = "position_ids"  # the input that is there where it was asked for
_PER_TOKEN, _PER_ROW = (BATCH_AXIS, LENGTH_AXIS), (BATCH_AXIS,)
# Task -> output -> its named axes; an axis of fixed size may follow.
OUTPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "feature-extraction": {"last_hidden_state": _PER_TOKEN},
    "fill-mask": {"logits": _PER_TOKEN},
    "late-interaction": {"last_hidden_state": _PER_TOKEN, "token_embeddings": _PER_TOKEN},
    "multiple-choice": {"logits": _PER_ROW},
    "question-answering": {"start_logits": _PER_TOKEN, "end_logits": _PER_TOKEN},
    "sentence-similarity": {"last_hidden_state": _PER_TOKEN, "sentence_embedding": _PER_ROW},
    "sparse-embedding": {"sparse_embedding": _PER_ROW},
    "text-classification": {"logits": _PER_ROW},
    "token-classification": {"logits": _PER_TOKEN},
}


class Encoder(nn.Module):
    """A transformers model, or a table, whose outputs are the tensors named in `outputs`."""

    def __init__(self, model: Any, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs
        self.inputs = input_names(model)

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Run the model; all inputs are int64 ``(batch, sequence)``."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if getattr(self.model.config, "trigram_input", False):
            inputs = self._without_padding(input_ids, attention_mask)
        extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        result = self.model(**inputs, **extra)
        return tuple(result[name] for name in self.outputs)

    def _without_padding(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Give padding no vector: MobileBERT joins each token's with those of its neighbours.

        At the end of a text that is not padded, transformers takes zeros for the neighbour.
        """
        vectors = self.model.get_input_embeddings()(input_ids)  # (batch, sequence, embedding)
        mask = attention_mask.unsqueeze(-1).to(vectors.dtype)
        return {"inputs_embeds": vectors * mask, "attention_mask": attention_mask}


class ChoiceEncoder(Encoder):
    """A transformers model of multiple choice, given pairs of a prompt and a choice, a row each.

    transformers gives it the choices of a prompt as an axis of their own, and flattens it at once.
    """

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the logits ``(batch, 1)``: each row is the one choice of its prompt."""
        ids, mask = input_ids.unsqueeze(1), attention_mask.unsqueeze(1)  # (batch, 1, sequence)
        types = None if token_type_ids is None else token_type_ids.unsqueeze(1)
        return super().forward(ids, mask, types)


class SentenceEncoder(nn.Module):
    """An encoder with the pooling of sentence-transformers and the modules behind it."""

    def __init__(self, encoder: Encoder, modules: SentenceModules, folder: Path) -> None:
        super().__init__()
        self.encoder = encoder
        self.outputs = tuple(OUTPUTS["sentence-similarity"])
        self.inputs = encoder.inputs
        self.pooling = modules.pooling
        self.left_out: int | None = getattr(encoder.model.config, "left_out", None)
        self.steps = nn.Sequential(*(load_step(step, folder) for step in modules.steps))

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.encoder.model

    def dimension(self, hidden: int) -> int:
        """Return the length of the vectors, where a token's has length `hidden`."""
        return last_width(self.steps, hidden * len(self.pooling))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the hidden states ``(batch, sequence, hidden)`` and vectors ``(batch, dim)``."""
        (hidden,) = self.encoder(input_ids, attention_mask, token_type_ids)
        if self.left_out is not None:  # model2vec's unknown token is no part of the mean
            attention_mask = attention_mask.masked_fill(input_ids == self.left_out, 0)
        pooled = [pool(hidden, attention_mask, mode) for mode in self.pooling]
        return hidden, self.steps(pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1))


class SparseEncoder(nn.Module):
    """A masked-LM head with the pooling of sentence-transformers' SpladePooling."""

    def __init__(self, encoder: Encoder, modules: SparseModules) -> None:
        super().__init__()
        self.encoder = encoder
        self.outputs = tuple(OUTPUTS["sparse-embedding"])
        self.inputs = encoder.inputs
        self.strategy = modules.strategy
        self.activation = modules.activation
        greatest = modules.strategy == "max"
        self.decoder = take_decoder(encoder, encoder.model) if greatest else None

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.encoder.model

    def dimension(self) -> int:
        """Return the length of the vectors, which is what the head gives for any text."""
        tokens = torch.ones((1, 2), dtype=torch.long)
        (weights,) = run(self, [tokens for _ in self.inputs])
        return weights.shape[-1]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the weights of the vocabulary's tokens ``(batch, vocabulary)``."""
        (logits,) = self.encoder(input_ids, attention_mask, token_type_ids)
        if self.decoder is not None:  # they are what goes into it
            return (pool_hidden(logits, attention_mask, self.decoder, self.activation),)
        return (pool_logits(logits, attention_mask, self.strategy, self.activation),)


class TokenEncoder(nn.Module):
    """An encoder with the modules that late interaction has behind each token's vector."""

    def __init__(self, encoder: Encoder, steps: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.outputs = tuple(OUTPUTS["late-interaction"])
        self.inputs = encoder.inputs
        self.steps = steps

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.encoder.model

    def dimension(self, hidden: int) -> int:
        """Return the length of the vectors, where the encoder's have length `hidden`."""
        return last_width(self.steps, hidden)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the hidden states ``(batch, sequence, hidden)`` and vectors ``(..., dim)``."""
        (hidden,) = self.encoder(input_ids, attention_mask, token_type_ids)
        return hidden, self.steps(hidden)


class VectorClassifier(nn.Module):
    """A sentence encoder with a linear classifier behind it, as SetFit has."""

    def __init__(self, body: SentenceEncoder, head: FittedHead) -> None:
        super().__init__()
        self.body = body
        self.outputs = tuple(OUTPUTS["text-classification"])
        self.inputs = body.inputs
        self.normalize = Normalize() if head.normalize else nn.Identity()
        self.linear = nn.Linear(head.weight.shape[1], len(head.weight))
        self.linear.load_state_dict(
            {"weight": torch.from_numpy(head.weight), "bias": torch.from_numpy(head.bias)}
        )
        # Of these, softmax makes sigmoids that are scaled to a sum of 1.
        self.link = nn.LogSigmoid() if head.one_vs_rest else nn.Identity()

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.body.transformer

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the logits ``(batch, classes)``."""
        _, vector = self.body(input_ids, attention_mask, token_type_ids)
        return (self.link(self.linear(self.normalize(vector))),)


class Positioned(nn.Module):
    """A head that takes the positions of the tokens as one more input.

    What stands between it and the transformers model need not know of them.

    Attributes:
        first: Position of a row's first token; see `limits.first_position`.
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head
        self.outputs: tuple[str, ...] = head.outputs
        self.inputs: tuple[str, ...] = (*head.inputs, POSITIONS)
        self.first = first_position(head)

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.head.transformer

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        *,
        position_ids: Tensor,
    ) -> tuple[Tensor, ...]:
        """Run the head; all inputs are int64 ``(batch, sequence)``."""

        def with_positions(_: Any, args: Any, given: dict[str, Any]) -> Any:
            return args, {**given, POSITIONS: position_ids}

        hook = self.transformer.register_forward_pre_hook(with_positions, with_kwargs=True)
        try:
            outputs: tuple[Tensor, ...] = self.head(input_ids, attention_mask, token_type_ids)
        finally:
            hook.remove()
        return outputs


Head = Encoder | SentenceEncoder | SparseEncoder | TokenEncoder | VectorClassifier | Positioned


def last_width(steps: nn.Sequential, width: int) -> int:
    """Return the length of what Dense modules make of vectors of length `width`."""
    dense = [step.linear for step in steps if isinstance(step, Dense)]
    return dense[-1].out_features if dense else width


def run(head: Head, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Run a head.

    Args:
        head: The module.
        tensors: One for each of its inputs, int64 ``(batch, sequence)``.

    Raises:
        ExportError: The checkpoint's own model fails.
    """
    try:
        with torch.inference_mode():
            outputs: tuple[Tensor, ...] = head(**dict(zip(head.inputs, tensors, strict=True)))
    except Exception as error:  # the model's own code: any kind
        raise ExportError(
            f"the model itself fails in PyTorch on {' x '.join(map(str, tensors[0].shape))} tokens "
            f"({type(error).__name__}: {first_line(error)}): choose another checkpoint, or correct "
            "its config.json"
        ) from error
    return outputs


def input_names(model: Any) -> tuple[str, ...]:
    """Name the inputs that change the result: token types only where there are two or more."""
    names = ("input_ids", "attention_mask")
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
    if takes_types and getattr(model.config, "type_vocab_size", 0) > 1:
        return (*names, "token_type_ids")
    return names
