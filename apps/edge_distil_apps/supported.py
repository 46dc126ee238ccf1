"""Which tasks and which families of models there are, as the code has it."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from edge_distil.errors import TaskError
from edge_distil.task_names import synonyms

# Task -> what a bundle does, and the end of the class names that transformers has for it.
TASKS = {
    "question-answering": ("finds the answer in a text", "ForQuestionAnswering"),
    "sentence-similarity": (
        "text to vector, pooled as the checkpoint says",
        "sentence-transformers, model2vec",
    ),
    "sparse-embedding": (
        "text to weights of tokens (SPLADE)",
        "SparseEncoder of sentence-transformers",
    ),
    "feature-extraction": ("text to vector, mean of its tokens", "Model"),
    "late-interaction": (
        "text to a vector a token, texts in order for a query",
        "sentence-transformers' MultiVectorEncoder, PyLate, ColBERT",
    ),
    "text-classification": ("labels a text or a pair", "ForSequenceClassification, SetFit"),
    "multiple-choice": ("which text goes best with another", "ForMultipleChoice"),
    "token-classification": ("finds names and the like", "ForTokenClassification"),
    "fill-mask": ("words for a [MASK]", "ForMaskedLM"),
}
# Families (config.json's model_type) of which the tests export every head and compare it.
TESTED = (
    "albert", "bert", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2",
    "distilbert", "electra", "ernie", "esm", "eurobert", "gemma3_text", "ibert",
    "jina_embeddings_v3", "megatron-bert", "mobilebert", "modernbert", "mpnet", "nomic_bert",
    "rembert", "roberta", "roberta-prelayernorm", "roformer", "squeezebert", "xlm-roberta",
    "xlm-roberta-xl",
)  # fmt: skip


class Task(NamedTuple):
    """A task: its name, what it does, the classes that it is told by, and other names."""

    name: str
    does: str
    classes: str
    also: list[str]


def tasks() -> list[Task]:
    """Return the tasks."""
    return [Task(name, *words, synonyms(name)) for name, words in TASKS.items()]


def others() -> list[str]:
    """Return further families that the installed transformers has as encoders of text.

    They are exported as the tested ones are, and compared with PyTorch before anything is written:
    what cannot be held by a graph of ours is refused then.

    Raises:
        ModuleNotFoundError: transformers is not installed.
    """
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as FILLERS

    from edge_distil_export.checkpoints.families import check_encoder

    found = []
    for kind in sorted(set(FILLERS) - set(TESTED)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check_encoder(kind, CONFIG_MAPPING[kind]())
            except (TaskError, KeyError):
                continue
        found.append(kind)
    return found
