"""Shapes of sentence-transformers: embedding models, cross-encoders, and what is neither."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import tiny
import torch
from shapes.shape import Shape, edit, plainly, settings
from sklearn.linear_model import LogisticRegression

OLD_NAMES = ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
_SETTINGS = "sentence_bert_config.json"


def save(
    folder: Path, mode: Any = "mean", steps: Callable[[Any], Sequence[Any]] | None = None,
    options: dict[str, Any] | None = None, pooling: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Let the library put its modules around a tiny BERT and save them."""
    base = tiny.save_checkpoint(folder.parent / "base", "bert", "feature-extraction")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, models

        encoder = models.Transformer(str(base), max_seq_length=48)
        modules = [encoder, models.Pooling(32, pooling_mode=mode, **(pooling or {}))]
        torch.manual_seed(3)
        modules += steps(models) if steps else ()
        model = SentenceTransformer(modules=modules, device="cpu", **(options or {}))
        model.save(str(folder))


def _saved(**how: Any) -> Callable[[Path], object]:
    return lambda folder: save(folder, **how)


def _changed(file: str, **changes: Any) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        save(folder)
        edit(folder / file, **changes)

    return make


def _old_name(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        save(folder)
        (folder / _SETTINGS).unlink()
        edit(folder / f"sentence_{name}_config.json", max_seq_length=24)

    return make


def _two_limits(folder: Path) -> None:
    save(folder)
    edit(folder / _SETTINGS, max_seq_length=40)
    edit(folder / "tokenizer_config.json", model_max_length=20)


def _subfolder(folder: Path) -> None:
    save(folder)
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                 _SETTINGS):  # fmt: skip
        shutil.move(folder / name, inner / name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))


def _old_flags(folder: Path) -> None:
    save(folder, "cls")
    flags = {"cls_token": True, "mean_tokens": False, "max_tokens": False}
    file = folder / "1_Pooling" / "config.json"
    file.unlink()
    edit(file, word_embedding_dimension=32, **{f"pooling_mode_{k}": v for k, v in flags.items()})


def _lower_case(folder: Path) -> None:
    save(folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    edit(folder / _SETTINGS, do_lower_case=True)


def _of_modules(build: Callable[[Any, str], Any], kind: str) -> Callable[[Path], object]:
    """Another kind of model, saved by its own class."""

    def make(folder: Path) -> None:
        base = tiny.save_checkpoint(folder.parent / "base", "bert", "fill-mask")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import sentence_transformers

            modules = build(sentence_transformers, str(base))
            model = getattr(sentence_transformers, kind)(modules=modules, device="cpu")
            model.save_pretrained(str(folder))

    return make


def _static(library: Any, base: str) -> Any:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(3)
    return [StaticEmbedding(tiny.wordpiece(), embedding_dim=16)]


def _router(library: Any, base: str) -> Any:
    from sentence_transformers import models
    from sentence_transformers.base.modules import Router

    routes = [[models.Transformer(base), models.Pooling(32)] for _ in range(2)]
    return [Router.for_query_document(*routes)]


def _sparse(library: Any, base: str) -> Any:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    return [Transformer(base, transformer_task="fill-mask"), SpladePooling("max")]


def _setfit(folder: Path) -> None:
    save(folder)
    random = np.random.default_rng(3)
    vectors, classes = random.normal(size=(60, 32)), random.integers(0, 3, 60)
    joblib.dump(LogisticRegression().fit(vectors, classes), folder / "model_head.pkl")
    edit(folder / "config_setfit.json", labels=["a", "b", "c"], normalize_embeddings=False)


def cross(activation: Any, labels: int = 1, changes: dict[str, Any] | None = None) -> Any:
    def make(folder: Path) -> None:
        base = folder.parent / "base"
        tiny.save_checkpoint(base, "bert", "text-classification", num_labels=labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sentence_transformers import CrossEncoder

            model = CrossEncoder(str(base), device="cpu")
            model.activation_fn = activation
            model.save_pretrained(str(folder))
        if changes is not None:
            for name in ("modules.json", "config_sentence_transformers.json", _SETTINGS):
                (folder / name).unlink()
            edit(folder / "config.json", **changes)

    return make


def _shape(name: str, make: Any, refused: str | None = None, **more: Any) -> Shape:
    return Shape("sentence-transformers", name, make, refused=refused, **more)


PROMPTS = {"prompts": {"query": "find: ", "passage": "text: "}, "default_prompt_name": "query"}

SHAPES = (
    *(_shape(f"pooling {mode}", _saved(mode=mode)) for mode in (
        "mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")),
    _shape("pooling mean and max", _saved(mode=("mean", "max"))),
    _shape("pooling by the old flags", _old_flags),
    _shape("Normalize", _saved(steps=lambda m: [m.Normalize()])),
    _shape("Dense", _saved(steps=lambda m: [m.Dense(32, 12)])),
    _shape("Dense without bias, then Normalize", _saved(steps=lambda m: [
        m.Dense(32, 12, bias=False, activation_function=torch.nn.Identity()), m.Normalize()])),
    _shape("Normalize, then Dense", _saved(steps=lambda m: [m.Normalize(), m.Dense(32, 12)])),
    _shape("two Dense", _saved(steps=lambda m: [m.Dense(32, 48), m.Dense(48, 8)])),
    _shape("LayerNorm", _saved(steps=lambda m: [m.LayerNorm(32)])),
    _shape("a default prompt", _saved(options=PROMPTS)),
    _shape("a default prompt that is not pooled", _saved(
        options=PROMPTS, pooling={"include_prompt": False})),
    *(_shape(f"sentence_{name}_config.json", _old_name(name)) for name in OLD_NAMES),
    _shape("max_seq_length over model_max_length", _two_limits),
    _shape("no max_seq_length", _changed(_SETTINGS, max_seq_length=...)),
    _shape("do_lower_case", _lower_case),
    _shape("truncation_side left, embedding", _changed(
        "tokenizer_config.json", truncation_side="left")),
    _shape("transformer in a folder", _subfolder),
    _shape("an unknown setting", _changed(_SETTINGS, frobnicate=3), "frobnicate"),
    _shape("plain BERT", plainly("bert", "feature-extraction"), task="sentence-similarity"),
    _shape("plain RoBERTa", settings("tokenizer_config.json", "roberta", "feature-extraction",
           model_max_length=64), task="sentence-similarity"),
    _shape("CrossEncoder, Identity", cross(torch.nn.Identity())),
    _shape("CrossEncoder, Sigmoid", cross(torch.nn.Sigmoid())),
    _shape("CrossEncoder, three labels", cross(torch.nn.Identity(), 3)),
    _shape("CrossEncoder of release 2", cross(torch.nn.Identity(), 1, {
        "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"})),
    _shape("CrossEncoder of release 4", cross(torch.nn.Identity(), 1, {
        "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}})),
    _shape("CrossEncoder, Tanh", cross(torch.nn.Tanh()), "Tanh"),
    _shape("SetFit", _setfit, "model_head.pkl"),
    _shape("SetFit with --trust-pickle", _setfit, trust_pickle=True),
    _shape("StaticEmbedding", _of_modules(_static, "SentenceTransformer")),
    _shape("Router", _of_modules(_router, "SentenceTransformer"), "Router"),
    _shape("SparseEncoder", _of_modules(_sparse, "SparseEncoder")),
)  # fmt: skip
