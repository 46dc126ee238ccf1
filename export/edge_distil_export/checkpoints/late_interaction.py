"""Late-interaction checkpoints as data: of sentence-transformers, of PyLate, of Stanford's ColBERT.

Source: ``MultiVectorEncoder`` of sentence-transformers 6.2, which reads all three.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_distil._reading import fields, sentence_modules
from edge_distil._reading.fields import Fields
from edge_distil._reading.manifest_late import LONGEST_EXPANSION, SIMILARITIES
from edge_distil._reading.sentence_modules import EMBEDDER, LATE, Module
from edge_distil._reading.sentence_settings import (
    LATE_SETTINGS,
    TransformerSettings,
    read_late_settings,
    read_transformer_settings,
)
from edge_distil.errors import TaskError
from edge_distil_export.checkpoints.checkpoint import Source

_STANFORD = "HF_ColBERT"
_STANFORD_FILE = "artifact.metadata"
_PREFIXES = {"query": "query_prefix", "document": "document_prefix"}
# Settings that PyLate keeps beside the prompts; its first releases name no type of model.
_PYLATE_SETTINGS = (
    *LATE_SETTINGS,
    "do_query_expansion",
    "attend_to_expansion_tokens",
    "attend_to_mask_tokens",
    *_PREFIXES.values(),
    "skiplist_words",
)
_USUAL_LENGTH = 32  # tokens of a query, in ColBERT and PyLate
_MASK = "MultiVectorMask"
_STEPS = ("Dense", "Normalize", _MASK, "Dropout")
SIDES = ("query", "document")


@dataclass(frozen=True)
class QueryExpansion:
    """How short queries are filled up.

    Attributes:
        length: Tokens, at least.
        cut: A longer query is cut to as many.
        attend: The model attends to what fills it up.
        token: What fills it up; ``None`` is the mask token or, where there is none, the last one.
    """

    length: int
    cut: bool
    attend: bool
    token: str | None


@dataclass(frozen=True)
class LateModules:
    """The pipeline of a late-interaction checkpoint.

    Attributes:
        steps: Dense and Normalize modules behind the transformer, in order.
        normalize: Vectors are scaled to length 1 behind them, which modules.json does not say.
        stanford: The projection is a weight among the transformer's.
        transformer: Settings of the Transformer module.
        lengths: Side -> its longest sequence, where one is set.
        expansion: Set where queries are filled up.
        prompts: Side -> what is put before its texts.
        prefixes: What of it may be a token of its own, which is not cut up.
        skip: Side -> words whose vectors are left out.
        similarity: One of `manifest_late.SIMILARITIES`.
    """

    steps: tuple[Module, ...]
    normalize: bool
    stanford: bool
    transformer: TransformerSettings
    lengths: Mapping[str, int | None]
    expansion: QueryExpansion | None
    prompts: Mapping[str, str]
    prefixes: tuple[str, ...]
    skip: Mapping[str, tuple[str, ...]]
    similarity: str


def is_late(source: Source) -> bool:
    """Say whether a checkpoint is one of late interaction."""
    kind, settings = _kind(source), sentence_modules.read_model_settings(source.root)
    early = kind == EMBEDDER and any(name in settings.values for name in _PYLATE_SETTINGS)
    return early or kind in LATE


def _kind(source: Source) -> str:
    """Return the type of model that the library takes a checkpoint for."""
    named = sentence_modules.read_model_settings(source.root).optional_text("model_type")
    return named or (LATE[0] if source.architecture == _STANFORD else EMBEDDER)


def is_stanford(source: Source) -> bool:
    """Say whether a checkpoint is in the form of Stanford's ColBERT, without modules."""
    return source.architecture == _STANFORD and not (source.root / "modules.json").is_file()


def read_late_modules(source: Source) -> LateModules:
    """Read the pipeline of a checkpoint.

    Raises:
        BundleError: A file is missing, damaged, or a field of the wrong kind.
        TaskError: It is no late-interaction checkpoint, or has a module or a setting that
            edge-distil does not have.
    """
    if not is_late(source):
        raise TaskError(
            f"{source.name} is no late-interaction checkpoint: it has no projection of each "
            f"token's vector; expected a {LATE[0]} of sentence-transformers, or what PyLate or "
            "Stanford's ColBERT saved: choose such a checkpoint, or leave --task out"
        )
    return _stanford(source) if is_stanford(source) else _with_modules(source)


def _with_modules(source: Source) -> LateModules:
    """Read a checkpoint with ``modules.json``."""
    root = source.root
    settings, kind = sentence_modules.read_model_settings(root), _kind(source)
    native = kind == LATE[0]
    modules = sentence_modules.modules_of(root)[1:]
    if kind == EMBEDDER:  # PyLate's first releases: what is for one vector a text is left out
        modules = [m for m in modules if m.kind not in ("Pooling", "Normalize")]
        if all(module.kind != "Dense" for module in modules):
            raise sentence_modules.wrong_modules(root, modules)
    if not {module.kind for module in modules} <= set(_STEPS):
        raise sentence_modules.wrong_modules(root, modules)
    masks = [fields.read(root / m.folder / "config.json") for m in modules if m.kind == _MASK]
    late = _late_settings(settings, read_late_settings(source.path))
    named = {side: settings.optional_text(name) for side, name in _PREFIXES.items()}
    prefixes = {side: prefix or "" for side, prefix in named.items()}
    saved = settings.object("prompts")
    words = {side: saved.optional_text(side) or "" for side in SIDES}
    similarity = settings.optional_text("similarity_fn_name")
    return LateModules(
        steps=tuple(module for module in modules if module.kind in ("Dense", "Normalize")),
        normalize=not native,
        stanford=False,
        transformer=read_transformer_settings(
            source.path, "feature-extraction", further=LATE_SETTINGS
        ),
        lengths={side: late.optional_whole(f"{side}_length", 1) for side in SIDES},
        expansion=_expansion(late),
        prompts={side: prefixes[side] + words[side].removeprefix(prefixes[side]) for side in SIDES},
        prefixes=tuple(prefix for prefix in prefixes.values() if prefix),
        skip=_skipped(masks, () if native else _skipped_by_pylate(settings, kind)),
        similarity=similarity if similarity in SIMILARITIES else SIMILARITIES[0],
    )


def _late_settings(settings: Fields, own: Fields) -> Fields:
    """Join PyLate's settings, where there are any, and those of the transformer, which win."""
    given = settings.values
    names = [name for name in LATE_SETTINGS if name in given]
    values = {n: given[n] for n in names if given[n] is not None or n == "query_expansion"}
    if "query_expansion" not in values and any(name in given for name in _PYLATE_SETTINGS):
        values["query_expansion"] = None
        if given.get("do_query_expansion") is not False:
            flags = ("attend_to_expansion_tokens", "attend_to_mask_tokens")
            attend = next((settings.flag(name) for name in flags if name in given), False)
            length = values.pop("query_length", None) or _USUAL_LENGTH
            values["query_expansion"] = {"strategy": "fixed", "attend": attend, "length": length}
    return Fields({**values, **own.values}, own.file)


def _expansion(late: Fields) -> QueryExpansion | None:
    if "query_expansion" not in late:
        return None
    raw = late.object("query_expansion")
    return QueryExpansion(
        length=raw.whole("length", 1, LONGEST_EXPANSION),
        cut=raw.text("strategy", choices=("fixed", "min")) == "fixed",
        attend=raw.flag("attend"),
        token=raw.optional_text("token"),
    )


def _skipped_by_pylate(settings: Fields, kind: str) -> tuple[str, ...]:
    """Return PyLate's words: punctuation, unless it names others."""
    if "skiplist_words" in settings:
        return settings.texts("skiplist_words")
    usual = kind != EMBEDDER or any(name in settings.values for name in _PREFIXES.values())
    return tuple(string.punctuation) if usual else ()


def _skipped(masks: Sequence[Fields], words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return for each side the words whose vectors are left out.

    Args:
        masks: The settings of MultiVectorMask modules.
        words: Those of documents that no such module names.
    """
    found = {"query": (), "document": words}
    for mask in masks:
        if mask.list("keep_only_token_ids"):
            raise TaskError(
                f"{mask.file} keeps the vectors of some tokens alone (keep_only_token_ids), as "
                "models of images do, expected a model of texts: choose another checkpoint"
            )
        named = mask.texts("skiplist_tasks") if "skiplist_tasks" in mask else ("document",)
        for side in set(named) & set(SIDES):
            found[side] += mask.texts("skiplist_words")
    return found


def _stanford(source: Source) -> LateModules:
    file = source.root / _STANFORD_FILE
    metadata = fields.read(file) if file.is_file() else Fields({}, str(file))
    markers = {"query": ("query_token_id", "[unused0]"), "document": ("doc_token_id", "[unused1]")}
    prompts = {side: f"{metadata.optional_text(n) or m} " for side, (n, m) in markers.items()}
    attend = metadata.flag("attend_to_mask_tokens")
    length = metadata.optional_whole("query_maxlen", 1, LONGEST_EXPANSION) or _USUAL_LENGTH
    skips = metadata.flag("mask_punctuation", default=True)
    return LateModules(
        steps=(),
        normalize=True,
        stanford=True,
        transformer=TransformerSettings(),
        lengths={"query": None, "document": metadata.optional_whole("doc_maxlen", 1)},
        expansion=QueryExpansion(length, cut=True, attend=attend, token=None),
        prompts=prompts,
        prefixes=tuple(prompts.values()),
        skip={"query": (), "document": tuple(string.punctuation) if skips else ()},
        similarity=SIMILARITIES[0],
    )
