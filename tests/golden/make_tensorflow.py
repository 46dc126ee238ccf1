"""Make tests/golden/of_tensorflow: checkpoints of TensorFlow, and what TensorFlow computes of them.

transformers dropped its TensorFlow classes in version 5, so this script needs an environment of its
own, apart from the project's:

    python -m venv oracle
    oracle/bin/pip install tensorflow==2.21.0 tf-keras==2.21.0 transformers==4.57.6
    oracle/bin/python tests/golden/make_tensorflow.py [NAME ...]

Each archive holds what ``save_pretrained`` wrote of a tiny seeded model, its tokenizer, and
``expected.json``: padded inputs, and the outputs of the TensorFlow model for them.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.update(TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="2", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf
import transformers
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

OUTPUT = Path(__file__).resolve().parent / "of_tensorflow"
PINNED = {"tensorflow": "2.21.0", "tf-keras": "2.21.0", "transformers": "4.57.6"}
WORDS = (
    "the a of in to and is was not who where keeps keep light ##house ##keeper ##s ##ing film "
    "charming dull old new ada london paris lives works river storm lamp cat sat on mat . , ! ?"
).split()
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
TEXTS = [
    "Ada lives in London, not in Paris.",
    "a charming film!",
    "The old lighthouse keeper keeps the lamp and the storm was on the river.",
]
PAIRS = [
    ("Who lives in London?", "Ada works in Paris and lives in London."),
    ("Where?", "The cat sat on the mat."),
    ("Who keeps the light?", "the old lighthouse keeper"),
]
GRID = 256  # weights are multiples of 1 / GRID, which an archive holds in half the bytes
SIZES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 40, "type_vocab_size": 2,
}  # fmt: skip
OUTPUTS = {
    "Model": ("last_hidden_state",),
    "ForQuestionAnswering": ("start_logits", "end_logits"),
    "ForPreTraining": ("prediction_logits", "seq_relationship_logits"),
}


@dataclass(frozen=True)
class Family:
    """How a family is configured, and what its tokenizer is.

    Attributes:
        kind: What its classes' names begin with.
        sizes: Of its configuration.
        tokenizer: The class that saves the tokenizer; without one it is the general fast one.
        roberta: True for special tokens and positions as RoBERTa's.
        types: True where the model is fed token types.
    """

    kind: str
    sizes: dict[str, Any] = field(default_factory=lambda: SIZES)
    tokenizer: str | None = None
    roberta: bool = False
    types: bool = True


DISTILBERT = Family(
    "DistilBert",
    {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 40},
    "DistilBertTokenizerFast",
    types=False,
)
BERT = Family("Bert", tokenizer="BertTokenizerFast")
ROBERTA = Family(
    "Roberta",
    {**SIZES, "max_position_embeddings": 42, "type_vocab_size": 1},
    roberta=True,
    types=False,
)
ELECTRA = Family("Electra", {**SIZES, "embedding_size": 16}, "ElectraTokenizerFast")
ALBERT = Family("Albert", {**SIZES, "embedding_size": 16})
MOBILEBERT = Family(
    "MobileBert",
    {**SIZES, "embedding_size": 16, "intra_bottleneck_size": 16, "num_feedforward_networks": 2},
    "MobileBertTokenizerFast",
)
MPNET = Family("MPNet", {**SIZES, "max_position_embeddings": 42}, roberta=True, types=False)
CONVBERT = Family("ConvBert", {**SIZES, "embedding_size": 16, "conv_kernel_size": 3})
DEBERTA = Family(
    "DebertaV2",
    {
        **SIZES, "type_vocab_size": 0, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 8, "share_att_key": True, "norm_rel_ebd": "layer_norm",
        "position_biased_input": False, "conv_kernel_size": 3,
    },
    types=False,
)  # fmt: skip
HEADS = {
    "model": "Model", "fill-mask": "ForMaskedLM", "classifier": "ForSequenceClassification",
    "questions": "ForQuestionAnswering", "tokens": "ForTokenClassification",
    "choice": "ForMultipleChoice",
}  # fmt: skip
Case = tuple[Family, str, dict[str, Any]]
CASES: dict[str, Case] = {
    **{f"distilbert-{name}": (DISTILBERT, head, {}) for name, head in HEADS.items()},
    **{f"bert-{name}": (BERT, head, {}) for name, head in HEADS.items()},
    "bert-pretraining": (BERT, "ForPreTraining", {}),
    "bert-shards": (BERT, "ForSequenceClassification", {"max_shard_size": "30KB"}),
    "bert-safetensors": (BERT, "ForQuestionAnswering", {"safe_serialization": True}),
    "bert-safetensors-shards": (
        BERT, "ForTokenClassification", {"safe_serialization": True, "max_shard_size": "30KB"},
    ),
    "roberta-fill-mask": (ROBERTA, "ForMaskedLM", {}),
    "roberta-classifier": (ROBERTA, "ForSequenceClassification", {}),
    "electra-fill-mask": (ELECTRA, "ForMaskedLM", {}),
    "electra-classifier": (ELECTRA, "ForSequenceClassification", {}),
    "albert-fill-mask": (ALBERT, "ForMaskedLM", {}),
    "mobilebert-fill-mask": (MOBILEBERT, "ForMaskedLM", {}),
    "mpnet-model": (MPNET, "Model", {}),
    "convbert-classifier": (CONVBERT, "ForSequenceClassification", {}),
    "deberta-v2-tokens": (DEBERTA, "ForTokenClassification", {}),
}  # fmt: skip


def tokenizer_of(family: Family, folder: Path) -> Any:
    """A WordPiece tokenizer of few words, as the family's own class saves one."""
    special = ROBERTA_TOKENS if family.roberta else BERT_TOKENS
    vocabulary = [*special, *WORDS]
    if family.tokenizer:
        file = folder / "vocab.txt"
        file.write_text("\n".join(vocabulary) + "\n", "utf-8")
        return getattr(transformers, family.tokenizer)(vocab_file=str(file))
    cls, pad, sep, unk, mask = special if family.roberta else (special[i] for i in (2, 0, 3, 1, 4))
    backend = Tokenizer(WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token=unk))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:{int(family.types)} {sep}:{int(family.types)}",
        special_tokens=[(token, vocabulary.index(token)) for token in (cls, sep)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token=cls, pad_token=pad, sep_token=sep, unk_token=unk,
        mask_token=mask,
        model_input_names=["input_ids", *(["token_type_ids"] * family.types), "attention_mask"],
    )  # fmt: skip


def build(family: Family, head: str, tokenizer: Any) -> Any:
    """A seeded model all of whose weights differ, biases and layer norms too."""
    config = getattr(transformers, f"{family.kind}Config")(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **family.sizes
    )
    if "Classification" in head:
        config.num_labels = 3
    model = getattr(transformers, f"TF{family.kind}{head}")(config)
    model.build_in_name_scope()
    rng = np.random.default_rng(7)
    for variable in model.weights:
        centre = float("gamma" in variable.name or "LayerNorm/weight" in variable.name)
        values = rng.normal(centre, 0.15, tuple(variable.shape))
        variable.assign((np.round(values * GRID) / GRID).astype(np.float32))
    return model


def expect(model: Any, head: str, tokenizer: Any) -> dict[str, Any]:
    """What the model computes of padded rows; of a model that chooses, its encoder's states too."""
    chooses = head == "ForMultipleChoice"
    pairs = head == "ForQuestionAnswering" or chooses
    texts = [*zip(*PAIRS, strict=True)] if pairs else [TEXTS]
    inputs = dict(tokenizer(*map(list, texts), padding=True, return_tensors="np"))
    names = OUTPUTS.get(head, ("logits",))
    feeds = {name: tf.constant(rows, tf.int32) for name, rows in inputs.items()}
    if chooses:  # all rows are choices of one question; each is a row of its own again
        found = model({name: rows[None] for name, rows in feeds.items()}, training=False).logits
        encoder: Callable[..., Any] = getattr(model, model.base_model_prefix)
        outputs = {**encoder(feeds, training=False), "logits": tf.reshape(found, (-1, 1))}
        names = ("logits", *OUTPUTS["Model"])
    else:
        outputs = model(feeds, training=False)
    return {
        "class": type(model).__name__,
        "versions": PINNED,
        "texts": PAIRS if pairs else TEXTS,
        "inputs": {name: rows.tolist() for name, rows in inputs.items()},
        "outputs": {name: shortened(outputs[name].numpy()) for name in names},
    }


def shortened(values: Any) -> Any:
    """Numbers with the digits that float32 has."""
    if isinstance(values, np.ndarray):
        return shortened(values.tolist())
    return [shortened(v) for v in values] if isinstance(values, list) else float(f"{values:.7g}")


def pack(folder: Path, archive: Path) -> None:
    """Archive a folder: the same bytes each time."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(path.name)  # of 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, path.read_bytes(), compresslevel=9)


def main(names: list[str]) -> None:
    """Make every archive, or those of the names."""
    found = {name: importlib.metadata.version(name) for name in PINNED}
    if found != PINNED:
        raise SystemExit(f"this environment has {found}, expected {PINNED}")
    for name, (family, head, options) in CASES.items():
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = tokenizer_of(family, Path(folder))
            model = build(family, head, tokenizer)
            expected = expect(model, head, tokenizer)
            tokenizer.save_pretrained(folder)
            model.save_pretrained(folder, **options)
            text = json.dumps(expected, separators=(",", ":"))
            Path(folder, "expected.json").write_text(text + "\n", "utf-8")
            archive = OUTPUT / name.split("-")[0] / f"{name}.zip"
            archive.parent.mkdir(parents=True, exist_ok=True)
            pack(Path(folder), archive)
        print(name, archive.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
