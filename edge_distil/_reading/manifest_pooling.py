"""The manifest's ``pooling``: how token vectors become one vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edge_distil._reading.fields import Fields

POOLING_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
# Of a sparse embedding: what is taken over the tokens, and what each logit goes through before it.
STRATEGIES = ("max", "sum")
ACTIVATIONS = ("relu", "log1p_relu")
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
WIDEST = 1_000_000  # of a vector
_MOST_DENSE = 100


@dataclass(frozen=True)
class Pooling:
    """How token vectors become one vector, as the checkpoint's ``modules.json`` says.

    Attributes:
        mode: One of `POOLING_MODES`, or several joined by ``+``, as their vectors are; of a
            sparse embedding one of `STRATEGIES`, over the logits of its masked-LM head.
        normalize: True where the vector is scaled to Euclidean length 1.
        dimension: Length of the vector, after Dense modules.
        dense: Number of Dense modules between pooling and the end.
        prompts: Prompt texts by name, put before a text by ``prompt_name``.
        default_prompt: Name of the prompt used where the caller gives none.
        include_prompt: False where a prompt's tokens are left out of the pooling.
        similarity: One of `SIMILARITIES`.
        activation: One of `ACTIVATIONS`, where the embedding is sparse; the graph applies it.
        max_active_dims: Numbers kept in a sparse embedding, the greatest; all where ``None``.
    """

    mode: str
    normalize: bool
    dimension: int
    dense: int = 0
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    include_prompt: bool = True
    similarity: str = "cosine"
    activation: str | None = None
    max_active_dims: int | None = None


def read_pooling(manifest: Fields, *, required: bool, sparse: bool) -> Pooling | None:
    """Read the manifest's pooling.

    Args:
        manifest: The whole document.
        required: It must have one.
        sparse: It is that of a sparse embedding.

    Raises:
        BundleCorrupt: A field is missing, of the wrong kind or out of range.
    """
    if "pooling" not in manifest and not required:
        return None
    raw = manifest.object("pooling")
    prompts = raw.object("prompts")
    return Pooling(
        mode=raw.text("mode", choices=STRATEGIES) if sparse else _mode(raw),
        normalize=raw.flag("normalize"),
        dimension=raw.whole("dimension", 1, WIDEST),
        dense=raw.optional_whole("dense", 0, _MOST_DENSE) or 0,
        prompts={name: prompts.text(name) for name in prompts.values},
        default_prompt=raw.optional_text("default_prompt"),
        include_prompt=raw.flag("include_prompt", default=True),
        similarity=_similarity(raw),
        activation=raw.text("activation", choices=ACTIVATIONS) if sparse else None,
        max_active_dims=raw.optional_whole("max_active_dims", 1, WIDEST),
    )


def _mode(raw: Fields) -> str:
    if not set(raw.text("mode").split("+")) <= set(POOLING_MODES):
        raise raw.wrong("mode", f"one of {', '.join(POOLING_MODES)}, or several joined by +")
    return raw.text("mode")


def _similarity(raw: Fields) -> str:
    """Read the function; bundles of earlier releases do not say."""
    return raw.text("similarity", choices=SIMILARITIES) if "similarity" in raw else SIMILARITIES[0]


def written(pooling: Pooling) -> dict[str, Any]:
    """Return the manifest's object; fields of later are there where they say something."""
    usual = {
        "include_prompt": True,
        "similarity": SIMILARITIES[0],
        "activation": None,
        "max_active_dims": None,
    }
    return {k: v for k, v in asdict(pooling).items() if usual.get(k) != v or k not in usual}
