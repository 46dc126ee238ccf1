"""How each library is opened to embed texts; runs in the library's own environment.

Threads are set by the library's own parameter, tokenizers' parallelism is left as each has it.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Embedder(NamedTuple):
    """One library with its model loaded.

    Attributes:
        several: Texts to vectors.
        one: A text to its vector, as its users write it.
    """

    several: Callable[[list[str]], Any]
    one: Callable[[str], Any]


class Settings(NamedTuple):
    """What every library is told; see embedders.py."""

    model: str
    file: str
    threads: int
    batch: int
    max_length: int


def edge_distil(settings: Settings) -> Embedder:
    """Open it as the README does."""
    from edge_distil import load

    task = load(settings.model, variant=settings.file, threads=settings.threads)
    return Embedder(task.encode, task.encode)  # type: ignore[union-attr]


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
    torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.qint8, inplace=True)  # type: ignore[no-untyped-call]
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


def sentence_transformers_openvino(settings: Settings) -> Embedder:
    """Open the OpenVINO backend; in which precision it computes is its own choice.

    Raises:
        RuntimeError: It chose another one than that which its row is to be called by.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # reports each import
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        settings.model,
        backend="openvino",
        model_kwargs={
            "ov_config": {"INFERENCE_NUM_THREADS": str(settings.threads)},
            "export": False,
        },
        local_files_only=True,
    )
    compiled = model[0].auto_model.request
    chosen = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    threads = compiled.get_property("INFERENCE_NUM_THREADS")
    if (chosen, threads) != (settings.file, settings.threads):
        raise RuntimeError(
            f"OpenVINO computes in {chosen} with {threads} threads, expected {settings.file} with "
            f"{settings.threads}: leave it out with --peer"
        )
    return _sentence_transformer(model, settings)


def _sentence_transformer(model: Any, settings: Settings) -> Embedder:
    import torch

    torch.set_num_threads(settings.threads)
    model.max_seq_length = settings.max_length
    size = {"batch_size": settings.batch} if settings.batch else {}
    return Embedder(
        lambda texts: model.encode(texts, show_progress_bar=False, **size),
        lambda text: model.encode(text, show_progress_bar=False),
    )


def llama_cpp(settings: Settings) -> Embedder:
    """Open a GGUF file, whose pooling is the checkpoint's; batches are of tokens."""
    from llama_cpp import Llama

    batch = settings.batch or 512  # the library's own
    model = Llama(
        settings.model,
        embedding=True,
        n_threads=settings.threads,
        n_threads_batch=settings.threads,
        n_ctx=batch,
        n_batch=batch,
        n_ubatch=batch,  # an encoder takes a batch as a whole
        flash_attn=True,  # llama.cpp's default; not that of the bindings
        verbose=False,
    )
    tokenizer = model.tokenizer_
    whole = tokenizer.tokenize

    def cut(*given: Any) -> list[int]:
        """It would cut at the batch, and the last token off."""
        ids: list[int] = whole(*given)
        return [*ids[: settings.max_length - 1], ids[-1]] if len(ids) > settings.max_length else ids

    tokenizer.tokenize = cut
    return Embedder(
        lambda texts: np.array(model.embed(texts, normalize=True), np.float32),
        lambda text: np.array(model.embed(text, normalize=True), np.float32),
    )
