"""sentence-transformers' ``modules.json`` and what hangs from it, as data.

Source: sentence-transformers' documentation, "Structure of Sentence Transformer models", and
``BaseModel._load_config_modules`` and ``Pooling`` of its release 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_distil._reading import fields, links
from edge_distil._reading.fields import Fields
from edge_distil._reading.manifest_pooling import POOLING_MODES, SIMILARITIES, WIDEST
from edge_distil._reading.printable import shortened
from edge_distil._reading.sentence_settings import TransformerSettings, read_transformer_settings
from edge_distil.errors import TaskError

# In the order in which the library joins the vectors of several.
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_DIMENSIONS = ("word_embedding_dimension", "embedding_dimension")  # release 6 renamed the field
_STEPS = ("Dense", "LayerNorm", "Normalize")
_TRANSFORMER, _STATIC = ["Transformer", "Pooling"], ["StaticEmbedding"]
_PACKAGE = "sentence_transformers."
EMBEDDER, CROSS_ENCODER = "SentenceTransformer", "CrossEncoder"
LATE = ("MultiVectorEncoder", "ColBERT")  # the library's own, and PyLate's
_PYLATE_DENSE = "pylate.models.Dense.Dense"  # which the library reads as its own
SPARSE_ENCODER = "SparseEncoder"


@dataclass(frozen=True)
class Module:
    """A module of ``modules.json``: its class's name and its folder, ``""`` for the root."""

    kind: str
    folder: str


@dataclass(frozen=True)
class SentenceModules:
    """The pipeline of an embedding checkpoint.

    Attributes:
        pooling: Names of `POOLING_MODES`; the vectors of several are joined in this order.
        dimension: Length of a token's vector; 0 where the weights alone say it.
        steps: Dense, LayerNorm and Normalize modules behind the pooling, in order.
        transformer: Settings of the Transformer module.
        include_prompt: False where a prompt's tokens are left out of the pooling.
        prompts: Prompt texts by name.
        default_prompt: Name of the prompt used by default.
        similarity: How the vectors are compared, one of `SIMILARITIES`.
        static: True for a StaticEmbedding: a token has one vector, whatever stands beside it.
    """

    pooling: tuple[str, ...]
    dimension: int
    steps: tuple[Module, ...] = ()
    transformer: TransformerSettings = field(default_factory=TransformerSettings)
    include_prompt: bool = True
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    similarity: str = SIMILARITIES[0]
    static: bool = False

    @property
    def normalize(self) -> bool:
        """True where a Normalize module ends the pipeline."""
        return bool(self.steps) and self.steps[-1].kind == "Normalize"

    @property
    def weighted(self) -> tuple[Module, ...]:
        """The steps that have weights."""
        return tuple(step for step in self.steps if step.kind != "Normalize")


def is_sentence_model(path: Path) -> bool:
    """True where the directory has the modules of a sentence embedding model."""
    others = (CROSS_ENCODER, SPARSE_ENCODER)
    return (path / "modules.json").is_file() and model_type(path) not in others


def model_type(path: Path) -> str:
    """Return the class of sentence-transformers that a directory with modules is of."""
    return read_model_settings(path).optional_text("model_type") or EMBEDDER


def read_model_settings(path: Path) -> Fields:
    """Read ``config_sentence_transformers.json``, empty where there is none."""
    file = path / "config_sentence_transformers.json"
    return fields.read(file) if file.is_file() else Fields({}, str(file))


def transformer_folder(path: Path) -> Path:
    """Return where the transformer of a checkpoint is: its directory, or a folder in it.

    Raises:
        TaskError: Its first module is no Transformer: a StaticEmbedding, a Router, ...
    """
    if not (path / "modules.json").is_file():
        return path
    modules = modules_of(path)
    if modules and modules[0].kind == _STATIC[0]:
        raise TaskError(
            f"{path} is a table of static embeddings, expected a transformer: choose another "
            "checkpoint"
        )
    if not modules or modules[0].kind not in ("Transformer", "MLMTransformer"):
        raise wrong_modules(path, modules)
    return path / modules[0].folder


def static_folder(path: Path) -> Path | None:
    """Return where the table of a checkpoint is that begins with a StaticEmbedding, if it does."""
    modules = modules_of(path) if (path / "modules.json").is_file() else []
    return path / modules[0].folder if modules and modules[0].kind == _STATIC[0] else None


def only_transformer(path: Path) -> Path:
    """Return the folder of the transformer, which is all that the checkpoint consists of.

    Raises:
        TaskError: There are more modules.
    """
    modules = modules_of(path)
    if [module.kind for module in modules] != ["Transformer"]:
        raise wrong_modules(path, modules)
    return path / modules[0].folder


def read_sentence_modules(path: Path) -> SentenceModules:
    """Read the pipeline of the checkpoint or bundle at `path`.

    Raises:
        BundleFileMissing: A file is missing.
        BundleCorrupt: A file is not JSON, or a field is missing or of the wrong kind.
        TaskError: A module, a pooling or a setting that edge-distil does not have.
    """
    modules = modules_of(path)
    kinds = [module.kind for module in modules]
    settings = read_model_settings(path)
    static = kinds[:1] == _STATIC
    begin = _STATIC if static else _TRANSFORMER
    behind = modules[len(begin) :]
    known = kinds[: len(begin)] == begin and {m.kind for m in behind} <= {*_STEPS, "Dropout"}
    if not known or model_type(path) != EMBEDDER:
        raise wrong_modules(path, modules)
    if (kept := settings.optional_whole("truncate_dim", 1)) is not None:
        raise TaskError(
            f"{settings.file} cuts vectors to truncate_dim {kept}, expected whole ones: take it "
            f"out and ask for so many numbers by encode(..., truncate_dim={kept})"
        )
    found = SentenceModules(("mean",), 0, static=True) if static else _pooled(path, modules)
    prompts = settings.object("prompts")
    similarity = settings.optional_text("similarity_fn_name")
    return replace(
        found,
        steps=tuple(module for module in behind if module.kind != "Dropout"),
        prompts={name: prompts.text(name) for name in prompts.values if name in prompts},
        default_prompt=settings.optional_text("default_prompt_name"),
        similarity=similarity if similarity in SIMILARITIES else SIMILARITIES[0],
    )


def _pooled(path: Path, modules: Sequence[Module]) -> SentenceModules:
    """Read a Transformer module and the Pooling behind it."""
    pooling = fields.read(path / modules[1].folder / "config.json")
    return SentenceModules(
        pooling=_pooling_modes(pooling),
        dimension=pooling.whole(_DIMENSIONS[_DIMENSIONS[0] not in pooling], 1, WIDEST),
        transformer=read_transformer_settings(path / modules[0].folder, "feature-extraction"),
        include_prompt=pooling.flag("include_prompt", default=True),
    )


def modules_of(path: Path) -> list[Module]:
    """Read ``modules.json``.

    Raises:
        BundleError: It is missing or damaged.
        TaskError: A module is code of the checkpoint's own, or two have one name.
    """
    file = path / "modules.json"
    entries = list(Fields({"modules": fields.read_json(file)}, str(file)).objects("modules"))
    kinds = [e.text("type") for e in entries]
    foreign = [k for k in kinds if not k.startswith(_PACKAGE) and k != _PYLATE_DENSE]
    if foreign:
        raise TaskError(
            f"{file} names the module {shortened(foreign[0])}, code of the checkpoint's own, "
            "expected one of sentence-transformers: export it with --task feature-extraction "
            "after taking modules.json out, and do the rest in your own code"
        )
    if len({entry.text("name") for entry in entries}) < len(entries):
        raise TaskError(f"{file} names two modules alike, expected a name each: rename one")
    modules = [
        Module(k.rsplit(".", 1)[-1], _folder(e)) for k, e in zip(kinds, entries, strict=True)
    ]
    for module in modules:
        links.check_inside(path, path / module.folder)
    return modules


def _folder(module: Fields) -> str:
    """Return a module's folder, inside the checkpoint: an export copies what is in it."""
    return "" if module.values.get("path") in ("", ".") else module.path("path")


def wrong_modules(path: Path, modules: Sequence[Module]) -> TaskError:
    """Return the error of modules that are not those of any model that is run here."""
    kind = model_type(path)
    found = shortened(" -> ".join(module.kind for module in modules) or "empty", most=100)
    return TaskError(
        f"{path} is a {shortened(kind)} of sentence-transformers whose modules.json is {found}, "
        f"which edge-distil does not run; expected a {EMBEDDER} of Transformer -> Pooling "
        f"or of a StaticEmbedding [-> Dense, LayerNorm, Normalize ...], a {SPARSE_ENCODER} of "
        f"Transformer -> SpladePooling, or a {CROSS_ENCODER} of a Transformer alone: choose such a "
        "checkpoint"
    )


def _pooling_modes(config: Fields) -> tuple[str, ...]:
    """Return the modes; flags are the form before 5.3, where none of them means the mean."""
    known = {*_DIMENSIONS, *_POOLING_FLAGS, "pooling_mode", "include_prompt"}
    unknown = [name for name in config.values if name not in known]
    if unknown:
        raise TaskError(
            f"{config.file} has the setting {shortened(unknown[0])}, which edge-distil does not "
            "have: export it with --task feature-extraction and pool in your own code"
        )
    if "pooling_mode" not in config:
        modes = tuple(mode for flag, mode in _POOLING_FLAGS.items() if config.flag(flag))
        return modes or ("mean",)
    named = config.values["pooling_mode"]
    modes = config.texts("pooling_mode") if isinstance(named, list) else (str(named),)
    if not modes or not set(modes) <= set(POOLING_MODES):
        raise TaskError(
            f"{config.file} pools by {shortened(' + '.join(modes) or 'nothing')}, expected "
            f"{', '.join(POOLING_MODES)}: export it with --task feature-extraction and pool in "
            "your own code"
        )
    return modes
