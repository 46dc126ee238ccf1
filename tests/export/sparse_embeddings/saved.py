"""Checkpoints as SparseEncoder saves them, of tiny seeded masked-LM models."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

from originals import edit

POOLING = "1_SpladePooling"
PACKAGE = "sentence_transformers.sparse_encoder"


def sparse_encoder(folder: Path) -> Any:
    """Open a checkpoint as sentence-transformers' users do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SparseEncoder

        return SparseEncoder(str(folder), device="cpu", local_files_only=True)


def save(plain: Path, folder: Path, **settings: Any) -> Path:
    """Save a masked-LM checkpoint with a pooling.

    Args:
        plain: The checkpoint.
        folder: Where.
        settings: Of SpladePooling; ``prompts``, ``default_prompt_name``, ``similarity_fn_name``
            and ``max_active_dims`` of SparseEncoder; ``max_seq_length`` of Transformer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SparseEncoder
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.sparse_encoder.modules import SpladePooling

        length = settings.pop("max_seq_length", None)
        transformer = Transformer(str(plain), transformer_task="fill-mask", max_seq_length=length)
        names = ("pooling_strategy", "activation_function")
        pooling = SpladePooling(**{n: settings.pop(n) for n in names if n in settings})
        model = SparseEncoder(modules=[transformer, pooling], device="cpu", **settings)
        model.save(str(folder))
    return folder


def save_with_router(plain: Path, folder: Path) -> Path:
    """Save a masked-LM checkpoint for documents, with a table of weights for queries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SparseEncoder
        from sentence_transformers.base.modules import Router, Transformer
        from sentence_transformers.sparse_encoder import modules

        transformer = Transformer(str(plain), transformer_task="fill-mask")
        router = Router.for_query_document(
            query_modules=[modules.SparseStaticEmbedding(transformer.tokenizer, frozen=True)],
            document_modules=[transformer, modules.SpladePooling("max")],
        )
        SparseEncoder(modules=[router], device="cpu").save(str(folder))
    return folder


def save_as_before(plain: Path, folder: Path, release: str) -> Path:
    """Lay a checkpoint out as releases before 5.4 did: MLMTransformer, and flags of their own.

    Args:
        plain: The masked-LM checkpoint.
        folder: Where.
        release: ``"5.0"``, which has the transformer in the root, or ``"nested"``, in a folder.
    """
    inner = "0_MLMTransformer" if release == "nested" else ""
    shutil.copytree(plain, folder / inner)
    (folder / POOLING).mkdir()
    edit(folder / POOLING / "config.json", pooling_strategy="max", word_embedding_dimension=None)
    edit(folder / inner / "sentence_bert_config.json", max_seq_length=24, do_lower_case=False)
    edit(
        folder / "config_sentence_transformers.json",
        model_type="SparseEncoder",
        prompts={"query": "", "document": ""},
        similarity_fn_name="dot",
    )
    kinds = (("models.MLMTransformer", inner), ("models.SpladePooling", POOLING))
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"{PACKAGE}.{kind}"}
        for n, (kind, path) in enumerate(kinds)
    ]
    import json

    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    return folder
