"""Late-interaction checkpoints of seeded random weights: what three libraries write to a disk."""

from __future__ import annotations

import json
import shutil
import string
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tiny
import torch
from originals import edit
from safetensors.torch import load_file, save_file

QUERIES = [
    "Who lives in London?",
    "",
    " \t\n ",
    "the quick brown fox " * 30,
    "😀🎉 👩‍🚀",
    "Où était le café?",
    "fox [MASK] [unused0] [SEP]",
]
DOCUMENTS = [
    "Ada Lovelace lived in London, and the dog sleeps on.",
    "",
    "the quick, brown fox; " * 60,
    "😀",
    "東京は日本の首都です。",
    "99.5% of 1,024; [unused1] [D] it is!",
    "the the the",
]
PUNCTUATION = tuple(string.punctuation)
FIXED = {"strategy": "fixed", "attend": False, "length": 16}


def library(folder: Path) -> Any:
    """Load a checkpoint as its users do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import MultiVectorEncoder

        return MultiVectorEncoder(str(folder), device="cpu", local_files_only=True)


def answers(model: Any, texts: Sequence[str], side: str) -> list[np.ndarray[Any, Any]]:
    """Return each text's vectors, read one by one, so that no padding plays a part."""
    encode = getattr(model, f"encode_{side}")
    return [encode(text, convert_to_numpy=True) for text in texts]


def with_markers(base: Path, folder: Path) -> Path:
    """Copy a checkpoint, two rare words of its vocabulary named as BERT's unused ones."""
    shutil.copytree(base, folder)
    path = folder / "tokenizer.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = whole["model"]["vocab"]
    rare = sorted(vocabulary, key=vocabulary.__getitem__)[-2:]
    for number, word in enumerate(rare):
        vocabulary[f"[unused{number}]"] = vocabulary.pop(word)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return folder


def native(
    folder: Path,
    base: Path,
    *,
    dense: Sequence[Mapping[str, Any]] = ({"out_features": 24},),
    skip: Sequence[str] = PUNCTUATION,
    skip_tasks: Sequence[str] | None = None,
    normalize: bool = True,
    behind: Sequence[Any] = (),
    similarity: str | None = None,
    prompts: Mapping[str, str] | None = None,
    **settings: Any,
) -> Path:
    """Let sentence-transformers save one; `settings` are its Transformer's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import MultiVectorEncoder
        from sentence_transformers.base.modules import Normalize, Transformer
        from sentence_transformers.base.modules.dense import Dense
        from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

        torch.manual_seed(5)
        modules: list[Any] = [Transformer(str(base), **settings)]
        width, tokens = modules[0].get_embedding_dimension(), {"module_input_name": TOKENS}
        for options in dense:
            usual = {"bias": False, "activation_function": torch.nn.Identity(), **tokens}
            modules.append(Dense(width, **{**usual, **options}))
            width = options["out_features"]
        modules.append(MultiVectorMask(list(skip), skiplist_tasks=skip_tasks))
        modules += [Normalize(**tokens)] if normalize else []
        model = MultiVectorEncoder(
            modules=[*modules, *behind],
            prompts=dict(prompts or {}),
            similarity_fn_name=similarity,
            device="cpu",
        )
        model.save(str(folder))
    return folder


TOKENS = "token_embeddings"


def pylate(folder: Path, base: Path, *, early: bool = False, **settings: Any) -> Path:
    """Write what PyLate's releases to 3 write; early ones name no type of model."""
    native(folder, base, skip=())
    shutil.rmtree(folder / "2_MultiVectorMask")
    shutil.rmtree(folder / "3_Normalize")
    kinds = ("sentence_transformers.models.Transformer", "pylate.models.Dense.Dense")
    modules = [
        {"idx": number, "name": str(number), "path": ("", "1_Dense")[number], "type": kind}
        for number, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 31, "do_lower_case": False})
    )
    edit(folder / "1_Dense" / "config.json", module_input_name=None, module_output_name=None)
    model_type = {} if early else {"model_type": "ColBERT"}
    about = {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "MaxSim"}
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({**about, **model_type, **settings})
    )
    return folder


def stanford(folder: Path, base: Path, **metadata: Any) -> Path:
    """Write what Stanford's ColBERT writes: the projection among the weights of a BERT."""
    with_markers(base, folder)
    weights = {f"bert.{name}": tensor for name, tensor in load_file(folder / WEIGHTS).items()}
    generator = torch.Generator().manual_seed(5)
    weights["linear.weight"] = torch.randn(24, 32, generator=generator)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    edit(folder / "config.json", architectures=["HF_ColBERT"])
    (folder / "artifact.metadata").write_text(json.dumps(metadata))
    return folder


WEIGHTS = "model.safetensors"


def base_of(folder: Path, family: str = "bert", **options: Any) -> Path:
    """Save the encoder that a checkpoint is made around."""
    return tiny.save_checkpoint(folder, family, "feature-extraction", **options)
