"""Tokenizer and configuration files: copied as they are, made only where they are missing.

Byte for byte where they say what the tokenizer does (`tokenizer_files`), because other people's
clients, often with an older transformers, open the bundle: a file that today's transformers writes
again may say things that theirs does not understand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_distil._reading.manifest_late import LateSettings
from edge_distil._reading.printable import shortened
from edge_distil._reading.sentence_settings import NAMES as SETTINGS_NAMES
from edge_distil._reading.sentence_settings import TransformerSettings
from edge_distil.errors import CheckpointError
from edge_distil.manifest import GoldenTokens
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.late_steps import describe_late, register_prefixes
from edge_distil_export.checkpoints.model import Loaded
from edge_distil_export.golden import golden_tokens
from edge_distil_export.limits import max_length, position_limit
from edge_distil_export.tokenizer_files import check_vocabulary, settle

_NAMES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "bpe.codes",
    "dict.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spm.model",
    "tokenizer.model",
)
_SENTENCE_NAMES = ("modules.json", "config_sentence_transformers.json")
_NEEDED = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def write_files(
    source: Source,
    loaded: Loaded,
    settings: TransformerSettings,
    bundle: Path,
    *,
    sentence: bool,
    trust_remote_code: bool = False,
) -> tuple[int, tuple[GoldenTokens, ...], LateSettings | None]:
    """Put the tokenizer and the configuration files of a transformer into place.

    Args:
        source: The checkpoint.
        loaded: Its model.
        settings: What sentence-transformers says of it.
        bundle: The bundle's directory.
        sentence: Take the files of sentence-transformers too.
        trust_remote_code: Let the checkpoint's own Python files run.

    Returns:
        The longest sequence, the probes with the ids that transformers gives, and of late
        interaction how texts are read.

    Raises:
        CheckpointError: The tokenizer is missing, cannot be read or is of another model.
        TaskError: The checkpoint reads texts in a way that edge-distil does not have.
    """
    tokenizer = load_tokenizer(
        source, trust_remote_code=trust_remote_code, options=settings.tokenizer_options
    )
    check_vocabulary(tokenizer, loaded.head.transformer, source.name)
    if settings.lower_case:
        lower_case(tokenizer)
    longest, late = max_length(loaded.head, loaded.config, tokenizer, settings.max_length), None
    if loaded.late is not None:
        register_prefixes(tokenizer, loaded.late.prefixes)
        late = describe_late(
            source.name,
            loaded.late,
            tokenizer,
            dimension=loaded.dimension,
            usual=longest,
            positions=position_limit(loaded.head, loaded.config),
            reach=_reach(loaded.config),
        )
        filled = late.expansion.length if late.expansion else 0
        longest = max(late.query.max_length, late.document.max_length, filled)
    copy_files(source, bundle, tokenizer, longest, sentence=sentence)
    return longest, golden_tokens(tokenizer, bundle), late


def _reach(config: Any) -> int | None:
    """Return how many tokens away a token sees where attention is local (ModernBERT)."""
    window = getattr(config, "local_attention", None)
    return None if window is None else int(window) // 2


def load_tokenizer(
    source: Source,
    *,
    trust_remote_code: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Load the checkpoint's own tokenizer, as transformers does.

    Args:
        source: The checkpoint.
        trust_remote_code: Let the checkpoint's own Python files run.
        options: Further ones, which the checkpoint itself sets.

    Raises:
        CheckpointError: There is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source.path,
            **{**(options or {}), "local_files_only": True},
            trust_remote_code=trust_remote_code,
        )
    except Exception as error:  # third-party code: any kind
        raise CheckpointError(
            f"{source.name}'s tokenizer cannot be loaded ({type(error).__name__}: "
            f"{shortened(' '.join(str(error).split()), 200)}): copy its tokenizer files beside the "
            "weights"
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError(
            f"{source.name}'s tokenizer ({type(tokenizer).__name__}) has no tokenizer.json and "
            "cannot be converted to one: choose a checkpoint with a fast tokenizer"
        )
    # Where its files are missing, transformers 5 makes one that knows no word.
    special = {*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens}
    if special.issuperset(tokenizer.get_vocab()):
        raise CheckpointError(
            f"{source.name}'s tokenizer has no vocabulary but its {len(tokenizer)} special tokens, "
            "expected tokenizer.json or the files that it is made from, such as vocab.txt: copy "
            "them beside the weights"
        )
    return tokenizer


def lower_case(tokenizer: Any) -> None:
    """Let a tokenizer put texts into lower case first, as sentence-transformers does.

    Source: ``do_lower_case`` in sentence-transformers' Transformer module.
    """
    from tokenizers.normalizers import Lowercase, Sequence

    backend = tokenizer.backend_tokenizer
    before = backend.normalizer
    parts: list[Any] = [before] if before is not None else []
    if isinstance(before, Sequence):
        parts = list(iter(before))
    if not any(isinstance(part, Lowercase) for part in parts):
        backend.normalizer = Sequence([Lowercase(), *parts])


def copy_files(
    source: Source,
    output: Path,
    tokenizer: Any,
    max_length: int,
    *,
    sentence: bool,
) -> None:
    """Copy the checkpoint's files and add those that a bundle needs and it lacks.

    Args:
        source: The checkpoint.
        output: The bundle's directory.
        tokenizer: From `load_tokenizer`.
        max_length: Longest sequence in tokens, for a configuration that must be made.
        sentence: Take the files of sentence-transformers too.
    """
    for path, name in files_to_copy(source, sentence=sentence):
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if sentence and source.modules is not None:
        _flatten(output / "modules.json")
    missing = [name for name in _NEEDED if not (output / name).is_file()]
    if missing:
        # Clients cut at this length; transformers would write 1e30 where nobody told it one.
        tokenizer.model_max_length = max_length
        tokenizer.init_kwargs.pop("max_length", None)
        _generate(tokenizer, missing, output)
    settle(tokenizer, output)


def files_to_copy(source: Source, *, sentence: bool) -> Iterator[tuple[Path, str]]:
    """Yield the files that `copy_files` copies, each with its path in the bundle."""
    names = (*_NAMES, *SETTINGS_NAMES) if sentence else _NAMES
    wanted = [(source.path / name, name) for name in names]
    wanted += [(source.root / name, name) for name in _SENTENCE_NAMES if sentence]
    yield from ((path, name) for path, name in wanted if path.is_file())
    if sentence and (source.root / "modules.json").is_file():
        for module in json.loads((source.root / "modules.json").read_text(encoding="utf-8"))[1:]:
            # The weights of Dense modules too: sentence-transformers reads them from here.
            folder = source.root / module["path"]
            files = sorted(folder.glob("*")) if module["path"] else []
            yield from ((f, f"{module['path']}/{f.name}") for f in files if f.is_file())


def _flatten(path: Path) -> None:
    """Name the bundle itself as the folder of the transformer, whose files lie there."""
    modules = json.loads(path.read_text(encoding="utf-8"))
    modules[0]["path"] = ""
    path.write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")


def _generate(tokenizer: Any, missing: list[str], output: Path) -> None:
    with TemporaryDirectory(dir=output) as folder:
        tokenizer.save_pretrained(folder)
        for name in missing:
            made = Path(folder, name)
            if not made.is_file():  # transformers 5 no longer writes the map of special tokens
                text = json.dumps(tokenizer.special_tokens_map, indent=2, ensure_ascii=False)
                made.write_text(text + "\n", encoding="utf-8")
            shutil.copyfile(made, output / name)
