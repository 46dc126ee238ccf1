"""A process that embeds texts with one library whenever it is asked to, and times itself.

Usage: python embedders.py LIBRARY MODEL FILE THREADS BATCH MAX_LENGTH

LIBRARY is a function of this file, MODEL a bundle or checkpoint, FILE the model file in it (for
edge-distil the variant) and BATCH the batch size, 0 for the library's own. Each line on stdin is a
request, each reply a line of JSON:

=========================================  ========================================================
request                                    reply
=========================================  ========================================================
(none: it has started)                     ``{"threads", "batch"}``
``{"encode": TEXTS.json, "vectors": FILE}``  ``{"seconds", "cpu", "megabytes"}``; the vectors go to
                                           FILE as .npy
``{"queries": [text, ...]}``               ``{"seconds": [...], "cpu": [...]}``, one text after the
                                           other
=========================================  ========================================================

Threads are set by the library's own parameter, tokenizers' parallelism is left as each has it.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# onnxruntime's threads go on spinning after a run (seen: 40 ms) and would take a core from the
# process that is asked next.
_SPIN_SECONDS = 0.06


class Embedder(NamedTuple):
    """One library with its model loaded.

    Attributes:
        several: Texts to vectors.
        one: A text to its vector, as its users write it.
    """

    several: Callable[[list[str]], Any]
    one: Callable[[str], Any]


class Settings(NamedTuple):
    """What every library is told; see the file's docstring."""

    model: str
    file: str
    threads: int
    batch: int
    max_length: int


def edge_distil(settings: Settings) -> Embedder:
    """Open it as the README does."""
    from edge_distil import load

    task = load(settings.model, variant=settings.file, threads=settings.threads)
    return Embedder(task.encode, task.encode)  # type: ignore[attr-defined]


def edge_distil_bulk(settings: Settings) -> Embedder:
    """Open it for long work alone."""
    from edge_distil.tasks import Embedding

    task = Embedding.load_for_bulk(settings.model, variant=settings.file, threads=settings.threads)
    return Embedder(task.encode, task.encode)


def fastembed(settings: Settings) -> Embedder:
    """Open a custom model: mean pooling, then normalisation."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = "bench/bundle"
    TextEmbedding.add_custom_model(
        model=name,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=name),
        dim=384,
        model_file=settings.file,
    )
    model = TextEmbedding(
        name,
        specific_model_path=settings.model,
        providers=["CPUExecutionProvider"],
        local_files_only=True,
        threads=settings.threads,
    )
    # It would cut where tokenizer_config.json says, which for this checkpoint is 512.
    model.model.tokenizer.enable_truncation(max_length=settings.max_length)
    size = {"batch_size": settings.batch} if settings.batch else {}
    return Embedder(
        lambda texts: np.stack(list(model.embed(texts, **size))),
        lambda text: next(iter(model.embed(text))),
    )


def sentence_transformers_onnx(settings: Settings) -> Embedder:
    """Open the ONNX backend; sessions are told the threads, torch too."""
    import onnxruntime
    from sentence_transformers import SentenceTransformer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    model = SentenceTransformer(
        settings.model,
        backend="onnx",
        model_kwargs={
            "file_name": settings.file,
            "provider": "CPUExecutionProvider",
            "export": False,
            "session_options": options,
        },
        local_files_only=True,
    )
    return _sentence_transformer(model, settings)


def sentence_transformers_torch(settings: Settings) -> Embedder:
    """Open the torch backend."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(settings.model, device="cpu", local_files_only=True)
    return _sentence_transformer(model, settings)


def sentence_transformers_torch_int8(settings: Settings) -> Embedder:
    """Open the torch backend and quantize its linear layers dynamically, as torch does."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(settings.model, device="cpu", local_files_only=True)
    torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.qint8, inplace=True)
    return _sentence_transformer(model, settings)


def sentence_transformers_static(settings: Settings) -> Embedder:
    """Open a table of static embeddings, which reads texts of any length."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(settings.threads)
    model = SentenceTransformer(settings.model, device="cpu", local_files_only=True)
    return Embedder(
        lambda texts: model.encode(texts, show_progress_bar=False),
        lambda text: model.encode(text, show_progress_bar=False),
    )


def model2vec(settings: Settings) -> Embedder:
    """Open a table of static embeddings."""
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(settings.model)
    return Embedder(model.encode, model.encode)


def _sentence_transformer(model: Any, settings: Settings) -> Embedder:
    import torch

    torch.set_num_threads(settings.threads)
    model.max_seq_length = settings.max_length
    size = {"batch_size": settings.batch} if settings.batch else {}
    return Embedder(
        lambda texts: model.encode(texts, show_progress_bar=False, **size),
        lambda text: model.encode(text, show_progress_bar=False),
    )


def encode(embedder: Embedder, texts: str, vectors: str) -> dict[str, float]:
    """Embed a file of texts; only the call itself is timed."""
    rows = json.loads(Path(texts).read_text(encoding="utf-8"))
    started, cpu = time.perf_counter(), time.process_time()
    found = embedder.several(rows)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    np.save(vectors, found)
    return {"seconds": seconds, "cpu": used, "megabytes": _peak()}


def queries(embedder: Embedder, texts: list[str]) -> dict[str, list[float]]:
    """Embed texts one by one."""
    seconds, used = [], []
    for text in texts:
        started, cpu = time.perf_counter(), time.process_time()
        embedder.one(text)
        seconds.append(time.perf_counter() - started)
        used.append(time.process_time() - cpu)
    time.sleep(_SPIN_SECONDS)
    return {"seconds": seconds, "cpu": used}


def _peak() -> float:
    """Return the most megabytes that were resident; ``ru_maxrss`` may begin at the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def main(library: str, model: str, file: str, threads: str, batch: str, max_length: str) -> None:
    """Answer until stdin ends; what libraries print goes to stderr."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    settings = Settings(model, file, int(threads), int(batch), int(max_length))
    embedder: Embedder = globals()[library](settings)
    print(json.dumps({"threads": settings.threads, "batch": settings.batch}), file=replies)
    replies.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if "encode" in request:
            reply: Any = encode(embedder, request["encode"], request["vectors"])
        else:
            reply = queries(embedder, request["queries"])
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
