"""edge-distil: run small, proven transformer encoders with numpy, onnxruntime and tokenizers.

>>> import edge_distil as ed
>>> qa = ed.load("qa/", variant="int8")  # doctest: +SKIP
>>> qa("Who wrote it?", "Ada Lovelace wrote it.")  # doctest: +SKIP
Answer(text='Ada Lovelace', score=0.98, start=0, end=12)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_distil import errors, privacy  # noqa: F401 - acts before onnxruntime is imported
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.encoder import open_encoder
from edge_distil.errors import EdgeDistilError
from edge_distil.tasks import (
    BY_NAME,
    Answer,
    Candidate,
    Embedding,
    Entity,
    FillMask,
    Label,
    QuestionAnswering,
    Task,
    TextClassification,
    TokenClassification,
)

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Bundle",
    "Candidate",
    "EdgeDistilError",
    "Embedding",
    "Entity",
    "FillMask",
    "Label",
    "QuestionAnswering",
    "Task",
    "TextClassification",
    "TokenClassification",
    "__version__",
    "errors",
    "load",
    "open_bundle",
]


def load(
    path: str | Path,
    *,
    variant: str | None = None,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
    verify: bool = False,
    compute_units: str | None = None,
    huge_pages: bool | None = None,
    untrusted: bool = False,
) -> QuestionAnswering | Embedding | TextClassification | TokenClassification | FillMask:
    """Open a bundle as the task object that its manifest names.

    To a type checker the result is one of five classes; where the task is known, open it as
    that class: ``QuestionAnswering.load("qa/")``.

    Args:
        path: A bundle, or a plain hub ONNX directory (``config.json``, ``tokenizer.json``,
            ``onnx/model.onnx``).
        variant: ``"fp32"``, ``"int8"``, ...; by default fp32 or, where its file was left out,
            the first that is there.
        threads: Threads of the runtime; by default ``OMP_NUM_THREADS``, else the cores that the
            process and its cgroup may use.
        providers: onnxruntime's execution providers; by default the CPU's.
        verify: Hash every file before use.
        compute_units: Where a Core ML variant may run: ``"all"`` (default), ``"cpu_only"``,
            ``"cpu_and_gpu"`` or ``"cpu_and_ne"`` (the neural engine).
        huge_pages: On Linux, put all memory of this process on pages of 2 MiB at the eighth run:
            a short text takes up to a sixth less time (fp32). By default what the environment
            variable ``EDGE_DISTIL_HUGE_PAGES`` says, 1 being yes.
        untrusted: The bundle is a stranger's: open it first in a child process with limits of
            time and memory, and run some texts through it there; takes a second or two more.

    Raises:
        BundleError: The directory is missing, damaged, of another schema, or lacks the variant.
        SessionError: The runtime refuses the model, or a Core ML variant is opened off macOS.
        InputError: `threads` is no positive integer, or an option belongs to another runtime.
        MissingExtra: A Core ML variant, and coremltools is not installed.
    """
    encoder = open_encoder(
        path,
        variant=variant,
        threads=threads,
        providers=providers,
        verify=verify,
        compute_units=compute_units,
        huge_pages=huge_pages,
        untrusted=untrusted,
    )
    task: QuestionAnswering | Embedding | TextClassification | TokenClassification | FillMask
    task = BY_NAME[encoder.bundle.manifest.task](encoder)  # type: ignore[assignment]
    return task
