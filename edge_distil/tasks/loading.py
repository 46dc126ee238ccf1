"""`load`: a bundle as the task object that its manifest names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from edge_distil import calls
from edge_distil.encoder import open_encoder
from edge_distil.tasks import BY_NAME

if TYPE_CHECKING:
    from edge_distil.tasks import (
        Embedding,
        FillMask,
        LateInteraction,
        MultipleChoice,
        QuestionAnswering,
        Reranker,
        SparseEmbedding,
        Task,
        TextClassification,
        TokenClassification,
        ZeroShotClassification,
    )

    AnyTask = (
        QuestionAnswering
        | Embedding
        | LateInteraction
        | SparseEmbedding
        | TextClassification
        | TokenClassification
        | FillMask
        | MultipleChoice
    )
_Place = str | Path


class _Options(TypedDict, total=False):
    """What `load` takes for every task."""

    variant: str | None
    engine: str | None
    threads: int | None
    providers: Sequence[str] | None
    verify: bool
    compute_units: str | None
    huge_pages: bool | None
    untrusted: bool


@overload
def load(path: _Place, *, task: None = None, **options: Unpack[_Options]) -> AnyTask: ...
@overload
def load(
    path: _Place, *, task: Literal["question-answering"], **options: Unpack[_Options]
) -> QuestionAnswering: ...
@overload
def load(
    path: _Place,
    *,
    task: Literal["sentence-similarity", "feature-extraction"],
    **options: Unpack[_Options],
) -> Embedding: ...
@overload
def load(
    path: _Place, *, task: Literal["text-classification"], **options: Unpack[_Options]
) -> TextClassification: ...
@overload
def load(
    path: _Place, *, task: Literal["token-classification"], **options: Unpack[_Options]
) -> TokenClassification: ...
@overload
def load(path: _Place, *, task: Literal["fill-mask"], **options: Unpack[_Options]) -> FillMask: ...
@overload
def load(
    path: _Place, *, task: Literal["late-interaction"], **options: Unpack[_Options]
) -> LateInteraction: ...
@overload
def load(
    path: _Place, *, task: Literal["multiple-choice"], **options: Unpack[_Options]
) -> MultipleChoice: ...
@overload
def load(
    path: _Place, *, task: Literal["sparse-embedding"], **options: Unpack[_Options]
) -> SparseEmbedding: ...
@overload
def load(path: _Place, *, task: Literal["reranking"], **options: Unpack[_Options]) -> Reranker: ...
@overload
def load(
    path: _Place, *, task: Literal["zero-shot-classification"], **options: Unpack[_Options]
) -> ZeroShotClassification: ...
def load(
    path: str | Path,
    *,
    task: str | None = None,
    variant: str | None = None,
    engine: str | None = None,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
    verify: bool = False,
    compute_units: str | None = None,
    huge_pages: bool | None = None,
    untrusted: bool = False,
) -> Task:
    """Open a bundle as the task object that its manifest names.

    To a type checker the result is one of eight classes; where the task is given, its class.

    Args:
        path: A bundle, or a plain hub ONNX directory (``config.json``, ``tokenizer.json``,
            ``onnx/model.onnx``).
        task: What the bundle must be for, such as ``"question-answering"``; by default any task.
            ``"feature-extraction"`` and ``"sentence-similarity"`` both stand for embeddings.
            A text-classification bundle also serves ``"reranking"`` (a cross-encoder) and
            ``"zero-shot-classification"`` (a model of natural language inference).
        variant: ``"fp32"``, ``"int8"``, ...; by default fp32 or, where its file was left out,
            the first that is there.
        engine: What runs it: ``"onnxruntime"`` (default), ``"openvino"`` or, in bfloat16, where
            the processor has it, ``"openvino:bf16"`` and on Arm's Linux ``"onnxruntime:bf16"``.
            The answers of others than the default are compared with the default's at the start.
        threads: Threads of the runtime; by default ``OMP_NUM_THREADS``, else the cores that the
            process and its cgroup may use.
        providers: onnxruntime's execution providers; by default the CPU's.
        verify: Hash every file that is here before use.
        compute_units: Where a Core ML variant may run: ``"all"`` (default), ``"cpu_only"``,
            ``"cpu_and_gpu"`` or ``"cpu_and_ne"`` (the neural engine).
        huge_pages: On Linux, put the model's memory on large pages (2 MiB) as it runs, which
            saves up to 3 %, and let what a run frees stay in the process for the next one. By
            default yes, unless the environment variable ``EDGE_DISTIL_HUGE_PAGES`` is 0 (false,
            no, off); pages stay as they are where the system gives no large ones to anyone.
        untrusted: The bundle is a stranger's: open it first in a child process with limits of
            time and memory, and run some texts through it there; takes a second or two more.

    Raises:
        BundleError: The directory is missing, damaged, of another schema, or lacks the variant.
        InputError: `task` is not one of ours, `threads` is not a positive integer, an option
            belongs to another runtime, or ``EDGE_DISTIL_HUGE_PAGES`` is neither yes nor no.
        MissingExtra: A Core ML variant or another engine, and what runs it is not installed.
        SessionError: The runtime refuses the model, the engine has no such precision here or
            gives other answers than onnxruntime, or a Core ML variant is opened off macOS.
        TaskError: The bundle is for another task than `task`.
    """
    if task is not None:
        calls.choice("task", task, tuple(BY_NAME))
    encoder = open_encoder(
        path,
        variant=variant,
        engine=engine,
        threads=threads,
        providers=providers,
        verify=verify,
        compute_units=compute_units,
        huge_pages=huge_pages,
        untrusted=untrusted,
        meanwhile=lambda found: BY_NAME[task or found],  # which imports it
    )
    return BY_NAME[task or encoder.bundle.manifest.task](encoder)
