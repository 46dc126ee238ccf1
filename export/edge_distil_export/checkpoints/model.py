"""Load the PyTorch model of a checkpoint, in float32 and with eager attention."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from edge_distil._reading import sentence_modules
from edge_distil._reading.printable import first_line
from edge_distil._reading.sentence_modules import SentenceModules
from edge_distil._reading.sentence_settings import TransformerSettings
from edge_distil._reading.sparse_modules import SparseModules, read_sparse_modules
from edge_distil.errors import CheckpointError, EdgeDistilError, TaskError
from edge_distil_export.checkpoints import adapters
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.completeness import check_finite, check_loaded
from edge_distil_export.checkpoints.families import check_encoder
from edge_distil_export.checkpoints.late_interaction import LateModules, read_late_modules
from edge_distil_export.checkpoints.late_steps import PROJECTION, late_steps
from edge_distil_export.checkpoints.remote_code import rebuild, refused
from edge_distil_export.checkpoints.setfit import FittedHead, is_setfit, load_head, read_head
from edge_distil_export.checkpoints.static import MODEL2VEC, model2vec_modules
from edge_distil_export.checkpoints.static_table import load_table
from edge_distil_export.checkpoints.static_tokens import StaticTokens, read_tokens
from edge_distil_export.graphs.heads import (
    OUTPUTS,
    POSITIONS,
    ChoiceEncoder,
    Encoder,
    Head,
    Positioned,
    SentenceEncoder,
    SparseEncoder,
    TokenEncoder,
    VectorClassifier,
)

# Task -> that of the transformers model, behind which we put what is behind it.
_BASES = {
    "late-interaction": "feature-extraction",
    "sentence-similarity": "feature-extraction",
    "sparse-embedding": "fill-mask",
}


@dataclass(frozen=True)
class Loaded:
    """A model ready to trace.

    Attributes:
        head: The traced module; has ``inputs`` and ``outputs``.
        config: transformers' configuration object, or a `StaticConfig`.
        parameters: Number of weights, shared ones counted once.
        sentence: Set for ``sentence-similarity``.
        late: Set for ``late-interaction``.
        sparse: Set for ``sparse-embedding``.
        dimension: Length of the text's vector, or a token's, after Dense modules; of a sparse one,
            the size of the vocabulary.
        settings: Settings of sentence-transformers' Transformer module.
        classes: Set for a SetFit model: its classifier.
        tokens: Set for static embeddings: their tokenizer.
    """

    head: Head
    config: Any
    parameters: int
    sentence: SentenceModules | None = None
    dimension: int = 0
    settings: TransformerSettings = field(default_factory=TransformerSettings)
    classes: FittedHead | None = None
    tokens: StaticTokens | None = None
    late: LateModules | None = None
    sparse: SparseModules | None = None


def load_model(
    source: Source,
    task: str,
    *,
    position_ids: bool = False,
    trust_remote_code: bool = False,
    trust_pickle: bool = False,
) -> Loaded:
    """Load a checkpoint for a task.

    Args:
        source: The checkpoint.
        task: One of `edge_distil.manifest.TASKS`.
        position_ids: The head is to take the positions of the tokens as an input too.
        trust_remote_code: Let the checkpoint's own Python files run.
        trust_pickle: Unpickle the head of a SetFit model, which may run code.

    Raises:
        CheckpointError: The weights cannot be read safely, or the code is remote.
        TaskError: The checkpoint has no head for the task, it is no encoder, or it takes no
            positions and is asked to.
    """
    fitted = None
    if task == "text-classification" and is_setfit(source):
        fitted = load_head(source, trust_pickle=trust_pickle)  # before the work: it may be refused
        task = "sentence-similarity"
    sentence = _sentence(source) if task == "sentence-similarity" else None
    late = read_late_modules(source) if task == "late-interaction" else None
    sparse = _sparse(source) if task == "sparse-embedding" else None
    tokens = read_tokens(source) if source.static is not None else None
    if tokens is not None:
        model: Any = load_table(source, tokens)
    else:
        beside = (PROJECTION,) if late is not None and late.stanford else ()
        model = _from_pretrained(source, task, trust_remote_code, beside)
        model.config.use_cache = False  # of decoders: there is no next token to keep it for
    check_encoder(source.name, model.config, embedder=(sentence or late) is not None)
    model = model.eval().requires_grad_(False)
    if sparse is not None:
        loaded = _with_weights(model, sparse)
    else:
        loaded = _with_head(source, task, model, sentence, late)
    loaded = replace(loaded, tokens=tokens)
    if fitted is not None:
        loaded = _with_classes(source, loaded, fitted)
    if position_ids:
        loaded = _with_positions(source, loaded)
    check_finite(source, loaded.head)
    return loaded


def _with_head(
    source: Source,
    task: str,
    model: Any,
    sentence: SentenceModules | None,
    late: LateModules | None,
) -> Loaded:
    parameters = sum(p.numel() for p in model.parameters())
    if late is not None:
        return _with_tokens(source, model, late, parameters)
    if sentence is None:
        kind = ChoiceEncoder if task == "multiple-choice" else Encoder
        return Loaded(kind(model, tuple(OUTPUTS[task])), model.config, parameters)
    encoder = Encoder(model, ("last_hidden_state",))
    head = SentenceEncoder(encoder, sentence, source.root).eval().requires_grad_(False)
    parameters += sum(p.numel() for p in head.steps.parameters())
    hidden = getattr(model.config, "hidden_size", sentence.dimension)
    dimension = head.dimension(hidden)
    return Loaded(head, model.config, parameters, sentence, dimension, sentence.transformer)


def _sparse(source: Source) -> SparseModules:
    """Read the pooling; a bare masked-LM checkpoint has what sentence-transformers gives it."""
    has_modules = (source.root / "modules.json").is_file()
    return read_sparse_modules(source.root) if has_modules else SparseModules()


def _with_weights(model: Any, modules: SparseModules) -> Loaded:
    """Put the pooling of a sparse checkpoint behind its masked-LM head."""
    head = SparseEncoder(Encoder(model, ("logits",)), modules).eval().requires_grad_(False)
    return Loaded(
        head,
        model.config,
        sum(p.numel() for p in model.parameters()),
        dimension=head.dimension(),
        settings=modules.transformer,
        sparse=modules,
    )


def _with_tokens(source: Source, model: Any, late: LateModules, parameters: int) -> Loaded:
    """Put a late-interaction checkpoint's projection behind each token's vector."""
    encoder = Encoder(model, ("last_hidden_state",))
    head = TokenEncoder(encoder, late_steps(source, late)).eval().requires_grad_(False)
    parameters += sum(p.numel() for p in head.steps.parameters())
    dimension = head.dimension(model.config.hidden_size)
    return Loaded(
        head, model.config, parameters, dimension=dimension, settings=late.transformer, late=late
    )


def _with_classes(source: Source, loaded: Loaded, fitted: Any) -> Loaded:
    """Put a SetFit model's head behind its vectors; the result is a plain classifier."""
    body, sentence = loaded.head, loaded.sentence
    assert isinstance(body, SentenceEncoder)
    assert sentence is not None
    if sentence.prompts.get(sentence.default_prompt or ""):
        raise TaskError(
            f"{source.name} puts the prompt {sentence.default_prompt!r} before every text, "
            "expected none for a classifier: export its vectors with --task sentence-similarity"
        )
    classes = read_head(source, fitted, loaded.dimension)
    head = VectorClassifier(body, classes).eval().requires_grad_(False)
    return replace(
        loaded,
        head=head,
        parameters=loaded.parameters + classes.weight.size + classes.bias.size,
        sentence=None,
        dimension=0,
        classes=classes,
    )


def _with_positions(source: Source, loaded: Loaded) -> Loaded:
    model = loaded.head.transformer
    if POSITIONS not in inspect.signature(model.forward).parameters:
        raise TaskError(
            f"{source.name} is a {type(model).__name__}, which takes no {POSITIONS}, expected a "
            "family with positions of its own, such as BERT's: export it without them"
        )
    return replace(loaded, head=Positioned(loaded.head))


def _sentence(source: Source) -> SentenceModules:
    if source.static == MODEL2VEC:
        return model2vec_modules(source.config)
    if sentence_modules.is_sentence_model(source.root):
        return _runnable(sentence_modules.read_sentence_modules(source.root), source.name)
    # What sentence-transformers itself does with a plain encoder.
    return SentenceModules(pooling=("mean",), dimension=int(source.config.get("hidden_size", 0)))


def _runnable(modules: SentenceModules, name: str) -> SentenceModules:
    """Refuse what graph and runtime together cannot do: weights behind a pooling of two kinds."""
    if modules.weighted and not modules.include_prompt:
        raise TaskError(
            f"{name} leaves the prompt's tokens out of its pooling (include_prompt is false) and "
            f"has a {modules.weighted[0].kind} module behind it, expected one of the two: export "
            "it with --task feature-extraction and pool in your own code"
        )
    return modules


def _from_pretrained(
    source: Source, task: str, trust_remote_code: bool, beside: Collection[str] = ()
) -> Any:
    """Load the transformers model; the weights of the names `beside` are read by the caller."""
    from optimum.exporters.tasks import TasksManager

    auto_class = TasksManager.get_model_class_for_task(_BASES.get(task, task))
    adapter = adapters.has_adapter(source)
    folder = adapters.base_alone(source) if adapter else nullcontext(source.path)
    try:
        with folder as path:
            model, report = auto_class.from_pretrained(
                path,
                dtype=torch.float32,
                attn_implementation="eager",
                return_dict=True,
                use_safetensors=source.safetensors,
                trust_remote_code=trust_remote_code,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # the report names them, the error would not
            )
    except EdgeDistilError:
        raise
    except Exception as error:  # third-party code: any kind, and each means "cannot be loaded"
        raise _explain(source, task, error) from error
    if adapter:
        report["missing_keys"] -= adapters.trained_whole(source, report["missing_keys"])
    report["unexpected_keys"] = set(report["unexpected_keys"]) - set(beside)
    check_loaded(source, task, model, report)
    model = rebuild(source, model, report["missing_keys"])
    return adapters.merge(source, model) if adapter else model


def _explain(source: Source, task: str, error: Exception) -> EdgeDistilError:
    if "trust_remote_code" in str(error):
        return refused(source)
    if "Unrecognized configuration class" in str(error):
        return TaskError(
            f"{source.name} is of type {source.config.get('model_type')!r}, which has no model "
            f"for {task}: choose another task or checkpoint"
        )
    if not source.safetensors and ("weights_only" in str(error) or "pickle" in str(error).lower()):
        return CheckpointError(
            f"{source.name}'s pytorch_model.bin holds more than tensors, and a pickle may run "
            "code when read; expected model.safetensors: load it where you trust it and "
            "save_pretrained it"
        )
    return CheckpointError(
        f"{source.name} cannot be loaded ({type(error).__name__}: {first_line(error)}): fetch it "
        "again, or check that its config.json belongs to its weights"
    )
