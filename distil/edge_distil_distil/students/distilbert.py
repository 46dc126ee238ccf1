"""BERT -> DistilBERT, weight by weight, as the published extraction does it.

Token types and the pooler are dropped (Sanh et al. 2019, arXiv:1910.01108, section 3). Source of
the names: ``extract_distilbert.py``, published with DistilBERT.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edge_distil.errors import DistilError

# Of a layer; BERT's name -> DistilBERT's. Each has a weight and a bias.
_LAYER = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}
# Of the embeddings and the heads.
_OTHERS = {
    "bert.embeddings.word_embeddings": "distilbert.embeddings.word_embeddings",
    "bert.embeddings.position_embeddings": "distilbert.embeddings.position_embeddings",
    "bert.embeddings.LayerNorm": "distilbert.embeddings.LayerNorm",
    "cls.predictions.transform.dense": "vocab_transform",
    "cls.predictions.transform.LayerNorm": "vocab_layer_norm",
    "cls.predictions.decoder": "vocab_projector",
    "qa_outputs": "qa_outputs",
    "classifier": "classifier",
}
_DROPPED = re.compile(
    r"bert\.(embeddings\.(token_type_embeddings\..*|position_ids|token_type_ids)|pooler\..*)"
    r"|cls\.predictions\.bias|cls\.seq_relationship\..*"  # the first is the decoder's own bias
)
_IN_LAYER = re.compile(r"bert\.encoder\.layer\.(\d+)\.(.+)\.(weight|bias)")
_EPSILON = 1e-12  # of DistilBERT's layer norms, which no configuration changes
_NEW = ("pre_classifier.weight", "pre_classifier.bias")  # stands where BERT has its pooler


def to_distilbert(teacher: Any, layers: Sequence[int]) -> Any:
    """Make a DistilBERT of a BERT's weights.

    Args:
        teacher: A ``Bert...`` model of transformers; it stays as it is.
        layers: Numbers of its layers, in order.

    Returns:
        The DistilBERT with the same head. One that classifies texts has a layer before its head in
        the place of the pooler, and that is new.

    Raises:
        DistilError: The teacher is no BERT, or one that DistilBERT cannot follow.
    """
    import transformers

    _check(teacher)
    name = type(teacher).__name__.replace("Bert", "DistilBert").replace("PreTraining", "MaskedLM")
    student = getattr(transformers, name)(distilbert_config(teacher.config, len(layers)))
    base = student.base_model_prefix if name == "DistilBertModel" else ""
    weights = {}
    for key, weight in teacher.state_dict().items():
        key = f"bert.{key}" if base else key
        if (new := distilbert_name(key, layers)) is not None:
            weights[new.removeprefix(f"{base}.") if base else new] = weight
    found = student.load_state_dict(weights, strict=False)
    lacking = [*(set(found.missing_keys) - {*_NEW}), *found.unexpected_keys]
    if lacking:
        raise DistilError(f"a {type(teacher).__name__} has no place for {lacking[0]} in a {name}")
    return student.to(teacher.dtype)


def distilbert_name(name: str, layers: Sequence[int]) -> str | None:
    """Return what a weight of BERT is called in DistilBERT; ``None`` where it is dropped.

    >>> distilbert_name("bert.encoder.layer.7.attention.self.query.bias", (0, 2, 4, 7, 9, 11))
    'distilbert.transformer.layer.3.attention.q_lin.bias'
    """
    if match := _IN_LAYER.fullmatch(name):
        layer, part, kind = int(match[1]), match[2], match[3]
        if layer not in layers or part not in _LAYER:
            return None
        return f"distilbert.transformer.layer.{layers.index(layer)}.{_LAYER[part]}.{kind}"
    if _DROPPED.fullmatch(name):
        return None
    stem, _, kind = name.rpartition(".")
    return f"{_OTHERS[stem]}.{kind}" if stem in _OTHERS else name


def distilbert_config(config: Any, layers: int) -> Any:
    """Return the configuration of a DistilBERT with so many of a BERT's layers."""
    from transformers import DistilBertConfig

    return DistilBertConfig(
        vocab_size=config.vocab_size,
        max_position_embeddings=config.max_position_embeddings,
        n_layers=layers,
        n_heads=config.num_attention_heads,
        dim=config.hidden_size,
        hidden_dim=config.intermediate_size,
        dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob,
        activation=config.hidden_act,
        initializer_range=config.initializer_range,
        pad_token_id=config.pad_token_id,
        tie_word_embeddings=config.tie_word_embeddings,
        id2label=config.id2label,
        label2id=config.label2id,
        problem_type=config.problem_type,
    )


def _check(teacher: Any) -> None:
    config = teacher.config
    if config.model_type != "bert":
        raise DistilError(
            f"the teacher is of type {config.model_type!r}, expected 'bert' for a DistilBERT: "
            "leave --architecture out for a student of the teacher's own class"
        )
    if config.layer_norm_eps != _EPSILON:
        raise DistilError(
            f"the teacher's layer norms add {config.layer_norm_eps}, DistilBERT's {_EPSILON}: "
            "leave --architecture out for a student of the teacher's own class"
        )
