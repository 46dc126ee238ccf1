"""What is behind each token's vector, and around the texts, of a late-interaction checkpoint."""

from __future__ import annotations

from typing import Any

from torch import nn

from edge_distil._reading.fields import Fields
from edge_distil._reading.manifest_late import Expansion, LateSettings, Side
from edge_distil.errors import CheckpointError, TaskError
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.late_interaction import SIDES, LateModules, QueryExpansion
from edge_distil_export.checkpoints.sentence_steps import TOKENS, Dense, Normalize, load_step
from edge_distil_export.checkpoints.tensors import read_tensors

PROJECTION = "linear.weight"  # of Stanford's ColBERT, among the weights of its transformer


def late_steps(source: Source, modules: LateModules) -> nn.Sequential:
    """Load the projection of each token's vector and what follows it.

    Raises:
        BundleError: A module's configuration is missing or damaged.
        CheckpointError: Its weights are.
    """
    steps = [load_step(step, source.root, TOKENS) for step in modules.steps]
    if modules.stanford:
        steps.append(_projection(source))
    return nn.Sequential(*steps, *([Normalize()] if modules.normalize else []))


def _projection(source: Source) -> nn.Module:
    try:
        weight = read_tensors(source.path)[PROJECTION].float()
        size, width = weight.shape
        config = {"in_features": width, "out_features": size, "bias": False}
        identity = {"activation_function": "torch.nn.Identity"}
        dense = Dense(Fields({**config, **identity}, str(source.path)))
        dense.load_state_dict({PROJECTION: weight})
    except Exception as error:  # torch's, safetensors' and the pickle reader's share no base
        raise CheckpointError(
            f"{source.name} is a ColBERT whose projection cannot be read "
            f"({type(error).__name__}: {error}), expected {PROJECTION} among its weights: fetch it "
            "again"
        ) from error
    return dense


def register_prefixes(tokenizer: Any, prefixes: tuple[str, ...]) -> None:
    """Let the tokenizer keep a prefix whole that is a token of its vocabulary.

    PyLate and Stanford's ColBERT put its id between the others; here it is put before the text.
    Source: ``MultiVectorEncoder._register_prefix_tokens``.

    Args:
        tokenizer: transformers' tokenizer of the checkpoint.
        prefixes: Such as ``"[unused0] "``; what the vocabulary lacks stays plain text.
    """
    from transformers import AddedToken

    known = {*tokenizer.added_tokens_encoder, *tokenizer.get_vocab()}
    named = [[prefix, prefix.split(None, 1)[0]] for prefix in prefixes if prefix.strip()]
    found = [next((form for form in forms if form in known), None) for forms in named]
    apart = [form for form in found if form and tokenizer.tokenize(form) != [form]]
    if apart:
        added = [AddedToken(form, normalized=False, special=True) for form in apart]
        tokenizer.add_special_tokens({"additional_special_tokens": added})


def describe_late(
    name: str,
    modules: LateModules,
    tokenizer: Any,
    *,
    dimension: int,
    usual: int,
    positions: int,
    reach: int | None = None,
) -> LateSettings:
    """Describe for a manifest how the texts of a checkpoint are read.

    Args:
        name: The checkpoint's.
        modules: Its pipeline.
        tokenizer: transformers' tokenizer of the checkpoint, with its prefixes.
        dimension: Length of a token's vector.
        usual: The longest sequence where the checkpoint says none for a side.
        positions: How many the model has.
        reach: How many tokens away a token sees in the model's local attention, if it has any.

    Raises:
        CheckpointError: A length leaves no room for a text, or there are fewer positions.
        TaskError: Queries cannot be filled up as the checkpoint says.
    """
    lengths = {side: min(modules.lengths[side] or usual, positions) for side in SIDES}
    if modules.expansion is not None:
        lengths["query"] = _query_length(name, modules, usual, positions)
    special = int(tokenizer.num_special_tokens_to_add(pair=False))
    for side, length in lengths.items():
        if length <= special:
            raise CheckpointError(
                f"{name} cuts a {side} to {length} tokens, expected more than the {special} "
                f"special tokens around it: correct {side}_length, or query_expansion"
            )
    if modules.expansion is not None and reach is not None:
        _check_reach(name, modules.expansion, reach, special)
    query, document = (
        Side(lengths[side], modules.prompts[side], _ids(tokenizer, modules.skip[side]))
        for side in SIDES
    )
    return LateSettings(
        dimension=dimension,
        query=query,
        document=document,
        expansion=_expansion(name, modules.expansion, tokenizer),
        similarity=modules.similarity,
    )


def _query_length(name: str, modules: LateModules, usual: int, positions: int) -> int:
    """Return the longest query where short ones are filled up."""
    expansion, stated = modules.expansion, modules.lengths["query"]
    assert expansion is not None
    if expansion.length > positions:
        raise CheckpointError(
            f"{name} fills queries up to {expansion.length} tokens, expected at most the "
            f"{positions} that its model has positions for: correct query_expansion"
        )
    if expansion.cut:
        return expansion.length
    return min(max(stated, expansion.length) if stated else usual, positions)


def _check_reach(name: str, expansion: QueryExpansion, reach: int, special: int) -> None:
    """Refuse tokens that see no other: what they get, attention's kernels do not agree on."""
    if not expansion.attend and expansion.length - special > reach:
        raise TaskError(
            f"{name} fills queries up to {expansion.length} tokens, some of which see no other: "
            f"its attention reaches {reach} tokens; expected a query_expansion of at most "
            f"{reach + special}, or one that is attended to: choose another checkpoint"
        )


def _ids(tokenizer: Any, words: tuple[str, ...]) -> tuple[int, ...]:
    """Return the ids of words; one that is no token is passed over, as the library does."""
    found = {word: tokenizer.convert_tokens_to_ids(word) for word in words}
    unknown = (None, tokenizer.unk_token_id)
    known = (i for w, i in found.items() if i not in unknown or w == tokenizer.unk_token)
    return tuple(sorted({int(index) for index in known}))


def _expansion(name: str, expansion: QueryExpansion | None, tokenizer: Any) -> Expansion | None:
    if expansion is None:
        return None
    if tokenizer.padding_side == "left":
        raise TaskError(
            f"{name} fills queries up at their beginning (padding_side is left), expected at their "
            "end: choose another checkpoint"
        )
    token = expansion.token or tokenizer.mask_token or tokenizer.eos_token
    ids = _ids(tokenizer, (token,)) if token else ()
    if not ids:
        raise TaskError(
            f"{name} fills queries up with {token!r}, expected a token of its vocabulary: correct "
            "query_expansion.token"
        )
    return Expansion(expansion.length, ids[0], expansion.attend)
