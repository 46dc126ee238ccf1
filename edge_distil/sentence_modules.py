"""sentence-transformers' ``modules.json`` and what hangs from it, as data.

Source: sentence-transformers' documentation, "Structure of Sentence Transformer models".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_distil import fields
from edge_distil.errors import TaskError
from edge_distil.fields import Fields
from edge_distil.manifest import WIDEST
from edge_distil.printable import shortened

_POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}


@dataclass(frozen=True)
class SentenceModules:
    """The pipeline of an embedding checkpoint.

    Attributes:
        pooling: ``"mean"``, ``"cls"`` or ``"max"``.
        dimension: Length of the pooled vector, before Dense modules.
        dense: Folders of Dense modules, in order.
        normalize: True where a Normalize module ends the pipeline.
        max_length: ``max_seq_length`` in tokens, if the checkpoint says.
        prompts: Prompt texts by name.
        default_prompt: Name of the prompt used by default.
        lower_case: True where texts are put into lower case, whatever the tokenizer does.
    """

    pooling: str
    dimension: int
    dense: tuple[str, ...] = ()
    normalize: bool = False
    max_length: int | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    lower_case: bool = False


def is_sentence_model(path: Path) -> bool:
    """True where the directory has a ``modules.json``."""
    return (path / "modules.json").is_file()


def read_sentence_modules(path: Path) -> SentenceModules:
    """Read the pipeline of the checkpoint or bundle at `path`.

    Raises:
        BundleFileMissing: A file is missing.
        BundleCorrupt: A file is no JSON, or a field is missing or of the wrong kind.
        TaskError: A module or a pooling that edge-distil does not have.
    """
    kinds = _kinds(path / "modules.json")
    _check_order([kind for kind, _ in kinds], path)
    folder = dict(kinds)
    pooling = fields.read(path / folder["Pooling"] / "config.json")
    transformer = _optional(path / folder["Transformer"] / "sentence_bert_config.json")
    settings = _optional(path / "config_sentence_transformers.json")
    prompts = settings.object("prompts")
    # sentence-transformers 6 renamed the field
    old, new = "word_embedding_dimension", "embedding_dimension"
    return SentenceModules(
        pooling=_pooling_mode(pooling, path),
        dimension=pooling.whole(old if old in pooling else new, 1, WIDEST),
        dense=tuple(folder for kind, folder in kinds if kind == "Dense"),
        normalize=kinds[-1][0] == "Normalize",
        max_length=transformer.optional_whole("max_seq_length", 1),
        prompts={name: prompts.text(name) for name in prompts.values},
        default_prompt=settings.optional_text("default_prompt_name"),
        lower_case=transformer.flag("do_lower_case"),
    )


def _kinds(file: Path) -> list[tuple[str, str]]:
    """Return each module's class name and folder, ``""`` being the checkpoint itself."""
    modules = Fields({"modules": fields.read_json(file)}, str(file)).objects("modules")
    return [(m.text("type").rsplit(".", 1)[-1], _folder(m)) for m in modules]


def _folder(module: Fields) -> str:
    """Return a module's folder, inside the checkpoint: an export copies what is in it."""
    return module.path("path") if module.values.get("path") != "" else ""


def _optional(path: Path) -> Fields:
    return fields.read(path) if path.is_file() else Fields({}, str(path))


def _check_order(kinds: list[str], path: Path) -> None:
    expected = ["Transformer", "Pooling"]
    found = shortened(" -> ".join(kinds), most=100)
    rest = [kind for kind in kinds[2:] if kind != "Dense"]
    if kinds[:2] != expected or rest not in ([], ["Normalize"]) or "Normalize" in kinds[:-1]:
        raise TaskError(
            f"{path}/modules.json is {found}, expected Transformer -> Pooling "
            "[-> Dense ...] [-> Normalize]: export it with --task feature-extraction and do "
            "the rest in your own code"
        )


def _pooling_mode(config: Fields, path: Path) -> str:
    if not config.flag("include_prompt", default=True):
        raise TaskError(
            f"{path} leaves the prompt's tokens out of its pooling (include_prompt is false), "
            "expected all tokens: export it with --task feature-extraction and pool in your own "
            "code"
        )
    named = config.optional_text("pooling_mode")  # sentence-transformers >= 5.3 writes a name
    modes = [named] if named else [m for flag, m in _POOLING_FLAGS.items() if config.flag(flag)]
    flags = [k for k in config.values if k.startswith("pooling_mode_") and k not in _POOLING_FLAGS]
    modes += [k.removeprefix("pooling_mode_") for k in flags if config.flag(k)]
    if len(modes) != 1 or modes[0] not in _POOLING_FLAGS.values():
        found = shortened(" + ".join(modes) or "nothing")
        raise TaskError(
            f"{path} pools by {found}, expected one of mean, cls, max: export it with --task "
            "feature-extraction and pool in your own code"
        )
    return modes[0]
