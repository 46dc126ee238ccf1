"""Tiny random checkpoints of every family, each with a small real tokenizer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "Paris is the capital of France; Ada Lovelace lived in London.",
    "Numbers such as 1,024 and 99.5% are words to a tokenizer too.",
    "Où était le café? 東京は日本の首都です。",
]
POSITIONS = 64  # tokens that each tiny model takes
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
AUTO_CLASSES = {
    "feature-extraction": "AutoModel",
    "fill-mask": "AutoModelForMaskedLM",
    "question-answering": "AutoModelForQuestionAnswering",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}
CHOOSER = "multiple-choice"  # whose inputs have an axis more in transformers


def wordpiece() -> Tokenizer:
    """The same in every process.

    The trainer numbers pieces within words as a hash map gives it the words, and chooses between
    pairs of one count by number. As special tokens they are numbered beforehand.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner = sorted(
        {f"##{c}" for c in tokenizer.normalizer.normalize_str("".join(CORPUS))} - {"## "}
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=[*BERT_TOKENS, *inner], show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    vocabulary = tokenizer.get_vocab()
    normalizer, pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.add_special_tokens(list(BERT_TOKENS))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def byte_pairs() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(ROBERTA_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def fast_tokenizer(style: str, **options: Any) -> Any:
    cls, pad, sep, unk, mask = (
        ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
        if style == "bert"
        else ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=wordpiece() if style == "bert" else byte_pairs(),
        cls_token=cls,
        pad_token=pad,
        sep_token=sep,
        unk_token=unk,
        mask_token=mask,
        **options,
    )


def _distilbert(**options: Any) -> Any:
    sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
    return transformers.DistilBertConfig(**sizes, max_position_embeddings=POSITIONS, **options)


def _config(kind: str, positions: int = POSITIONS, **fixed: Any) -> Callable[..., Any]:
    def build(**options: Any) -> Any:
        cls = getattr(transformers, kind)
        return cls(**{**_SIZES, "max_position_embeddings": positions, **fixed, **options})

    return build


_AFTER_PADDING = POSITIONS + 2  # RoBERTa's positions begin behind the padding index, 1
_MODERN_IDS = {"bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2}
# Family -> (tokenizer style, configuration).
FAMILIES: dict[str, tuple[str, Callable[..., Any]]] = {
    "distilbert": ("bert", _distilbert),
    "bert": ("bert", _config("BertConfig")),
    "roberta": ("roberta", _config("RobertaConfig", _AFTER_PADDING, type_vocab_size=1)),
    "xlm-roberta": ("roberta", _config("XLMRobertaConfig", _AFTER_PADDING, type_vocab_size=1)),
    "mpnet": ("roberta", _config("MPNetConfig", _AFTER_PADDING)),
    "electra": ("bert", _config("ElectraConfig", embedding_size=16)),
    "albert": ("bert", _config("AlbertConfig", embedding_size=16)),
    "mobilebert": (
        "bert",
        _config(
            "MobileBertConfig",
            embedding_size=16,
            intra_bottleneck_size=16,
            num_feedforward_networks=2,
        ),
    ),
    "modernbert": (
        "roberta",
        # A window far smaller than the sequence, in every other layer.
        _config("ModernBertConfig", local_attention=8, global_attn_every_n_layers=2, **_MODERN_IDS),
    ),
}


# The families whose own tokenizers give token types: so their tiny ones do.
WITH_TOKEN_TYPES = {"bert", "electra", "albert", "mobilebert"}


def auto_class(task: str) -> Any:
    """Transformers' class for a task."""
    name = "AutoModelForMultipleChoice" if task == CHOOSER else AUTO_CLASSES[task]
    return getattr(transformers, name)


def build_model(
    family: str, task: str, *, padding_vector: bool = False, seed: int = 7, **options: Any
) -> Any:
    """A seeded random model; weights large enough that a wrong mask shows.

    With `padding_vector` padding has a vector, as in checkpoints of TensorFlow.
    """
    style, config = FAMILIES[family]
    tokenizer = fast_tokenizer(style)
    options = {"pad_token_id": tokenizer.pad_token_id, **options}
    torch.manual_seed(seed)
    size = len(tokenizer) + options.pop("spare", 0)  # rows for tokens that a test adds
    model = auto_class(task).from_config(config(vocab_size=size, **options)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "position_embeddings" not in name:
                parameter.normal_(0, 0.15)
        if not padding_vector:
            model.get_input_embeddings().weight[tokenizer.pad_token_id] = 0  # as training leaves it
    return model


def save_checkpoint(folder: Path, family: str, task: str, **options: Any) -> Path:
    """Save a model and its tokenizer as a checkpoint directory."""
    build_model(family, task, **options).save_pretrained(folder)
    names: dict[str, Any] = {"model_max_length": 512}
    if family in WITH_TOKEN_TYPES:
        names["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    fast_tokenizer(FAMILIES[family][0], **names).save_pretrained(folder)
    return folder


def save_sentence_model(
    folder: Path, base: Path, mode: str, *, normalize: bool, dense: bool, **options: Any
) -> Path:
    """Put sentence-transformers' modules around a tiny encoder, by their own library.

    `options` are SentenceTransformer's own, such as prompts.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import, and its own calls of renamed functions
        from sentence_transformers import SentenceTransformer, models

        encoder = models.Transformer(str(base), max_seq_length=48)
        modules = [encoder, models.Pooling(32, pooling_mode=mode)]
        if dense:
            torch.manual_seed(3)
            modules.append(models.Dense(32, 12, activation_function=torch.nn.Tanh()))
        if normalize:
            modules.append(models.Normalize())
        SentenceTransformer(modules=modules, device="cpu", **options).save(str(folder))
    return folder
