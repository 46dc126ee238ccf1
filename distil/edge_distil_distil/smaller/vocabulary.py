"""`cut_vocabulary`: a checkpoint with the pieces that given texts use, the same on these texts.

In a small encoder the table of tokens is the greater part: half of all-MiniLM-L6-v2. Texts of one
field use a part of its rows. A text whose pieces are all kept is split as before and gets the same
outputs; another one is spelt in smaller pieces that are kept, or becomes unknown.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from edge_distil._reading.sentence_modules import transformer_folder
from edge_distil.errors import CheckpointError, DistilError, InputError
from edge_distil_distil.smaller import checkpoint, pieces, proof, tables, tokenizer_file
from edge_distil_distil.smaller.checkpoint import Checkpoint
from edge_distil_distil.smaller.texts import as_texts, plain_tokenizer

UNCUT = "tokenizer.uncut.json"  # tells which later texts are inside
_BLOCK = 512  # texts tokenised at a time


@dataclasses.dataclass(frozen=True)
class VocabularyCut:
    """What a cut did.

    Attributes:
        path: The new checkpoint.
        rows_before: Rows of the table of tokens.
        rows: Those that are left.
        parameters_before: Of the model; tied ones once.
        parameters: Those that are left.
        bytes_before: Size of the weights, in the precision of their file.
        bytes: The same, after it.
        texts: Whose pieces were kept; both tokenizers split them alike.
        difference: The greatest absolute difference of the two models' outputs on a sample of
            them; 0.0 is bit for bit.
    """

    path: Path
    rows_before: int
    rows: int
    parameters_before: int
    parameters: int
    bytes_before: int
    bytes: int
    texts: int
    difference: float


def cut_vocabulary(
    checkpoint_folder: str | Path,
    output: str | Path,
    texts: Iterable[str],
    *,
    overwrite: bool = False,
) -> VocabularyCut:
    """Write a checkpoint with only the pieces of the vocabulary that texts use.

    Special and added tokens stay, and so do the single characters of what is kept.

    Args:
        checkpoint_folder: A directory that ``save_pretrained`` or sentence-transformers wrote.
        output: The new checkpoint's directory; it appears only when both checkpoints gave the
            same for the texts.
        texts: All that must stay exactly as it is.
        overwrite: Replace what an earlier call wrote at `output`.

    Raises:
        BundleExists: `output` holds something that is not to be replaced.
        CheckpointError: The checkpoint cannot be read, or its vocabulary not be cut.
        DistilError: The cut model gives other outputs; nothing is written.
        InputError: There are no texts, or `output` lies in the checkpoint.
        StorageError: `output` cannot be written.
    """
    source_folder, place = Path(checkpoint_folder), Path(output)
    kept_texts = as_texts(texts)
    with checkpoint.written_beside(source_folder, place, overwrite=overwrite) as staged:
        source = checkpoint.read(source_folder)
        backend = plain_tokenizer(source.tokenizer.backend_tokenizer)
        document = json.loads(backend.to_str())
        old = _rows_to_keep(source, backend, document, kept_texts)
        new = {index: place for place, index in enumerate(old)}
        before = tables.rows(source.model), source.model.num_parameters()
        folder = checkpoint.copy_others(source, staged)
        cut = tokenizer_file.cut_document(document, new)
        tokenizer_file.write_files(cut, new, folder)
        checkpoint.rewrite_config(folder, lambda config: tables.renumber(config, new))
        tables.keep_rows(source.model, old)
        checkpoint.write_weights(source, folder)
        found = VocabularyCut(
            path=place,
            rows_before=before[0],
            rows=len(old),
            parameters_before=before[1],
            parameters=source.model.num_parameters(),
            bytes_before=checkpoint.weight_bytes(source.folder),
            bytes=checkpoint.weight_bytes(folder),
            texts=len(kept_texts),
            difference=_prove(source_folder, staged, kept_texts, old),
        )
        (folder / UNCUT).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        checkpoint.record(staged, {"vocabulary": {**dataclasses.asdict(found), "path": place.name}})
    return found


def outside(cut: str | Path, texts: Iterable[str]) -> list[str]:
    """Return those of some texts that have pieces which a cut took away.

    Args:
        cut: A checkpoint that `cut_vocabulary` wrote.
        texts: Any.

    Raises:
        CheckpointError: The directory is none.
    """
    folder = transformer_folder(Path(cut))
    try:
        whole, smaller = (
            plain_tokenizer(Tokenizer.from_file(str(folder / name)))
            for name in (UNCUT, "tokenizer.json")
        )
    except Exception as error:  # the tokenizers library raises plain exceptions
        raise CheckpointError(
            f"{cut} has no {UNCUT} beside its tokenizer.json, expected what cut_vocabulary wrote"
        ) from error
    kept = smaller.get_vocab()
    new = {index: kept[piece] for piece, index in whole.get_vocab().items() if piece in kept}
    return list(proof.same_tokens(whole, smaller, list(texts), new))


def refuse_outside(cut: str | Path, texts: Iterable[str], name: str = "the texts") -> None:
    """Refuse texts that a cut would split otherwise than the whole vocabulary does.

    Args:
        cut: A checkpoint that `cut_vocabulary` wrote.
        texts: Any.
        name: What they are, for the message.

    Raises:
        InputError: There are some.
    """
    every = list(texts)
    if found := outside(cut, every):
        raise InputError(
            f"{len(found):,} of {len(every):,} texts of {name} have pieces outside the cut "
            f"vocabulary, such as {found[0][:80]!r}, expected none: cut to these texts too, or "
            "let them be mapped to the pieces that are kept"
        )


def _rows_to_keep(
    source: Checkpoint, backend: Tokenizer, document: dict[str, Any], texts: Sequence[str]
) -> list[int]:
    """Return the old ids to keep, in order."""
    model, count = document["model"], tables.rows(source.model)
    every = pieces.vocabulary(model)
    names = {index: piece for piece, index in every.items()}
    used = _used(backend, document, texts)
    kept = {every[p] for p in pieces.needed(model, (names[i] for i in used if i in names))}
    kept |= used | tokenizer_file.special_ids(document)
    kept |= tables.config_ids(source.model.config.to_dict(), count)
    kept |= tables.fixed_ids(source.model)
    if kept and max(kept) >= count:
        raise CheckpointError(
            f"{source.root}'s tokenizer gives ids up to {max(kept)}, its model has {count} "
            "embeddings: call resize_token_embeddings and save both again"
        )
    return sorted(kept)


def _used(backend: Tokenizer, document: dict[str, Any], texts: Sequence[str]) -> set[int]:
    """Return the ids that texts become, and those on the way to an unknown word."""
    model = document["model"]
    every = backend.get_vocab()
    unknown = every.get(model.get("unk_token") or "") if model["type"] == "WordPiece" else None
    found: set[int] = set()
    for start in range(0, len(texts), _BLOCK):
        block = list(texts[start : start + _BLOCK])
        for text, encoding in zip(block, backend.encode_batch(block), strict=True):
            found.update(encoding.ids)
            if unknown is not None and unknown in encoding.ids:
                words = _words(backend, text)
                found |= _on_the_way(words, every, model["continuing_subword_prefix"])
    return found


def _words(backend: Tokenizer, text: str) -> Collection[str]:
    normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
    split = backend.pre_tokenizer
    return {word for word, _ in split.pre_tokenize_str(normal)} if split else {normal}


def _on_the_way(words: Iterable[str], every: dict[str, int], prefix: str) -> set[int]:
    return {every[piece] for word in words for piece in pieces.fitting(word, every, prefix)}


def _prove(whole: Path, staged: Path, texts: Sequence[str], old: Sequence[int]) -> float:
    """Open both checkpoints as anybody would and compare them on the texts."""
    before, after = (checkpoint.read(path, torch.float32) for path in (whole, staged))
    new = {index: place for place, index in enumerate(old)}
    backend, cut = (plain_tokenizer(one.tokenizer.backend_tokenizer) for one in (before, after))
    for text in proof.same_tokens(backend, cut, texts, new):
        raise DistilError(
            f"the cut tokenizer splits {text[:80]!r} otherwise than the whole one, expected the "
            "same pieces: this tokenizer cannot be cut here; nothing was written"
        )
    return proof.greatest_difference(before.model, after.model, texts, backend, old)
