"""What a package says of itself: origin, licence, inputs, outputs and labels."""

from __future__ import annotations

import json
from typing import Any

from edge_distil.manifest import Manifest

_INPUTS = {
    "input_ids": "Token ids of tokenizer.json, (1, sequence).",
    "attention_mask": "1 for each token, 0 for padding, (1, sequence).",
    "token_type_ids": "0 for the first text, 1 for the second, (1, sequence).",
}
_OUTPUTS = {
    "start_logits": "Score of each token as the first of the answer, (1, sequence).",
    "end_logits": "Score of each token as the last of the answer, (1, sequence).",
    "sparse_embedding": "Weights of the vocabulary's tokens, (1, vocabulary).",
    "logits": "Scores of the labels, or of the vocabulary at each token.",
    "last_hidden_state": "Vector of each token, (1, sequence, hidden).",
    "token_embeddings": "Vector of each token for late interaction, (1, sequence, dimension).",
    "sentence_embedding": "Vector of the text, (1, dimension).",
}
# Keys of user-defined metadata; values are JSON.
TASK, LABELS, LENGTHS = "edge_distil.task", "edge_distil.labels", "edge_distil.lengths"


def describe(model: Any, manifest: Manifest, settings: dict[str, Any]) -> None:
    """Fill the metadata of a converted model.

    Args:
        model: coremltools' model.
        manifest: Of the bundle that it goes into.
        settings: What it was converted with; kept as they are.
    """
    origin = manifest.checkpoint
    model.short_description = (
        f"{origin.name}, {manifest.task}, converted by edge-distil; the tokenizer is "
        "tokenizer.json of the same bundle."
    )
    model.author = origin.name
    model.license = origin.license or "see the checkpoint"
    model.version = origin.revision or "1"
    model.user_defined_metadata[TASK] = manifest.task
    model.user_defined_metadata[LABELS] = json.dumps(list(manifest.labels), ensure_ascii=False)
    model.user_defined_metadata[LENGTHS] = json.dumps(settings["lengths"])
    for name in manifest.inputs:
        model.input_description[name] = _INPUTS[name]
    for name in manifest.outputs:
        model.output_description[name] = _OUTPUTS[name]
