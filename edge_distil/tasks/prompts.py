"""What an embedding model wants before a text: its prompts, by name.

Source: ``SentenceTransformer.encode``, ``encode_query`` and ``encode_document``, release 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, TypeVar, cast

from edge_distil import calls
from edge_distil._reading.manifest_pooling import Pooling
from edge_distil._reading.printable import shortened, shown
from edge_distil.errors import InputError
from edge_distil.precision import Precision
from edge_distil.progress import Progress

# Names by which a checkpoint may have a prompt for what is asked, and for what is found: in the
# order in which sentence-transformers looks for them.
QUERY = ("query",)
PASSAGE = ("document", "passage", "corpus")

_ALWAYS = ("query", "document")  # names that every model knows; empty where it has no such prompt


Options = TypeVar("Options", bound=Mapping[str, object])  # of a call that takes a prompt


class EncodeOptions(TypedDict, total=False):
    """Parameters of `Embedding.encode`."""

    batch_size: int | None
    normalize_embeddings: bool
    truncate_dim: int | None
    precision: Precision
    prompt_name: str | None
    prompt: str | None
    show_progress: bool | Progress


def find(settings: Pooling | None, name: str | None, prompt: str | None) -> str:
    """Return the prompt to put before texts.

    Args:
        settings: The bundle's.
        name: The name of the prompt; by default the checkpoint's default prompt.
        prompt: The prompt itself, whatever the name.

    Raises:
        InputError: There is no prompt of that name.
    """
    if prompt is not None:
        return calls.text(prompt, "prompt")
    saved = dict(settings.prompts) if settings else {}
    known = {**saved, **{always: "" for always in _ALWAYS if always not in saved}}
    if name is None:
        name = settings.default_prompt if settings else None
    if name is None:
        return ""
    if calls.text(name, "prompt_name") not in known:
        raise InputError(
            f"the bundle has no prompt {shown(name)}, only {', '.join(map(shortened, known))}: "
            "give the text itself as prompt"
        )
    return known[name]


def saved(settings: Pooling | None, names: Sequence[str]) -> str | None:
    """Return the first of some names by which the bundle has a prompt.

    >>> saved(Pooling("mean", True, 8, prompts={"passage": "text: "}), PASSAGE)
    'passage'

    Returns:
        ``None`` where it has none of them: its default prompt is used then, if it has one.
    """
    known = settings.prompts if settings else {}
    return next((name for name in names if name in known), None)


def named(prompt: str, options: Options) -> Options:
    """Name a prompt unless the caller gave one."""
    given = options.get("prompt") is not None or options.get("prompt_name") is not None
    return options if given else cast("Options", {**options, "prompt_name": prompt})


def before(text: str, prefix: str) -> str:
    """Put the prompt before a text; what is not a text is left for the tokenizer to name."""
    return prefix + text if isinstance(text, str) else text
