"""What is asked: texts, their token ids for engines without a tokenizer, and padding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tokenizers import Encoding

from edge_distil._writing import storage
from edge_distil.encoder import Encoder
from edge_distil.errors import InputError
from edge_distil_bench.records import Inputs


@dataclass(frozen=True)
class Queries:
    """A list of queries for one tokenizer.

    Attributes:
        inputs: What is recorded of them.
        texts: Each one's texts: question and context, or one text.
        ids: Each one's token ids, special tokens included, without padding: what a peer that
            takes no text is given.
        type_ids: Each one's token types.
    """

    inputs: Inputs
    texts: tuple[tuple[str, ...], ...]
    ids: tuple[tuple[int, ...], ...]
    type_ids: tuple[tuple[int, ...], ...]

    def write(self, path: Path) -> None:
        """Write them for worker processes, as JSON with these fields."""
        with storage.atomic_file(path) as temporary:
            temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")


def make_queries(
    encoder: Encoder,
    name: str,
    description: str,
    texts: Sequence[Sequence[str]],
    *,
    max_length: int = 384,
    pad_to: int | None = None,
) -> Queries:
    """Tokenise queries as the task object will.

    Args:
        encoder: The bundle's.
        name: `Inputs.id`.
        description: `Inputs.description`.
        texts: Each query's texts: two for question answering, else one.
        max_length: Tokens; a query that needs more is refused, for peers take one window.
        pad_to: See `Inputs.padded_to`.

    Raises:
        InputError: A query does not fit into one window, or there is none.
    """
    if not texts:
        raise InputError(f"there are no queries in {name}, expected at least one text")
    encodings = [_encode(encoder, query, max_length) for query in texts]
    lengths = tuple(len(encoding) for encoding in encodings)
    return Queries(
        inputs=Inputs(name, description, tuple(pad_to or n for n in lengths), pad_to),
        texts=tuple(tuple(query) for query in texts),
        ids=tuple(tuple(encoding.ids) for encoding in encodings),
        type_ids=tuple(tuple(encoding.type_ids) for encoding in encodings),
    )


def _encode(encoder: Encoder, query: Sequence[str], max_length: int) -> Encoding:
    """Return the one window of a query."""
    limit = min(max_length, encoder.tokenizer.max_length)
    if len(query) == 1:
        return encoder.tokenizer.encode([query[0]])[0]
    windows = encoder.tokenizer.pair_windows(
        query[0], query[1], max_length=limit, stride=min(limit // 2, 128), max_first=64
    )
    if len(windows) != 1:
        raise InputError(
            f"a query needs {len(windows)} windows of {limit} tokens, expected one: shorten it "
            f"({query[0][:40]!r})"
        )
    return windows[0]
