"""What ``tokenizer_config.json`` and its neighbours say beside ``tokenizer.json``.

Source of every rule and of their order: ``PreTrainedTokenizerBase._from_pretrained``,
``TokenizersBackend`` and ``AutoTokenizer`` of transformers 5. An export writes out what the
checkpoint's tokenizer gives where these rules would find something else, so that a bundle's
readers agree whatever their release.

``padding_side`` has no part in it: rows are padded on the right, so that each text has the numbers
that the library gives it alone. A model with absolute positions gives others to a text that is
padded on the left in a batch, which depend on what is beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_distil._reading import fields
from edge_distil._reading.fields import Fields

if TYPE_CHECKING:
    from tokenizers import Tokenizer as FastTokenizer

CONFIG_NAME = "tokenizer_config.json"
ROLES = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)
# What stands in for a role that no file names, where the vocabulary has it: classes' defaults.
_USUAL = {
    "pad_token": ("[PAD]", "<pad>"),
    "cls_token": ("[CLS]", "<s>"),
    "mask_token": ("[MASK]", "<mask>"),
}
# Tokenizer classes that tell the texts of a pair apart where `model_input_names` does not say; all
# others give no token types.
_TYPED_CLASSES = frozenset(
    "Bert ConvBert DPRContextEncoder DPRQuestionEncoder Deberta DebertaV2 Electra FNet LayoutLM "
    "LayoutLMv2 Lxmert MarkupLM MobileBert SqueezeBert".split()
)
# Model type -> its tokenizer's class, where no file names one.
_CLASSES = {
    **dict.fromkeys(
        "bert convbert distilbert electra ernie layoutlm lxmert megatron-bert mobilebert "
        "nomic_bert squeezebert visual_bert".split(),
        "Bert",
    ),
    **dict.fromkeys(
        "bart data2vec-text ibert lilt longformer mra roberta roberta-prelayernorm".split(),
        "Roberta",
    ),
    **dict.fromkeys("gte jina_embeddings_v3 xlm-roberta xmod".split(), "XLMRoberta"),
    **dict.fromkeys(("albert", "yoso"), "Albert"),
    **{
        name.lower(): name
        for name in "Camembert Deberta Esm Flaubert FNet Funnel GPT2 LayoutLMv2 LayoutLMv3 Luke "
        "MarkupLM MPNet Mvp Perceiver Reformer RemBert RoFormer Splinter T5 Tapas XLM XLNet".split()
    },
    "big_bird": "BigBird",
    "deberta-v2": "DebertaV2",
    "dpr": "DPRQuestionEncoder",
    "roc_bert": "RoCBert",
}
# Model types whose tokenizer is whatever tokenizer.json says, whichever class a file names.
_GENERIC_MODELS = ("modernbert", "nystromformer", "xlm-roberta-xl")


class TokenizerSettings(NamedTuple):
    """How texts are cut, and what is given with their token ids.

    Attributes:
        truncate_left: A text that is too long loses its beginning, not its end.
        token_types: The texts of a pair are told apart by ``token_type_ids``; else all are 0.
        split_special: Special tokens that stand in a text are cut up like any other text.
        special: Special tokens by role: ``{"mask_token": "[MASK]"}``.
        max_characters: A text is cut to so many characters before it is tokenized, as model2vec
            cuts it; a field of our own, which exports of model2vec write.
    """

    truncate_left: bool
    token_types: bool
    split_special: bool
    special: Mapping[str, str]
    max_characters: int | None = None


def read_settings(folder: Path, fast: FastTokenizer) -> TokenizerSettings:
    """Read the settings of the tokenizer in `folder`.

    Args:
        folder: A checkpoint, a bundle or a plain hub directory.
        fast: Its ``tokenizer.json``, as read: its truncation and padding are settings too.

    Raises:
        BundleCorrupt: A file is not JSON, or a field of the wrong kind.
    """
    config = read_optional(folder / CONFIG_NAME)
    side = (fast.truncation or {}).get("direction", "right")
    if "truncation_side" in config:
        side = config.text("truncation_side", choices=("left", "right"))
    return TokenizerSettings(
        truncate_left=side == "left",
        token_types=_gives_types(config, folder),
        split_special=config.flag("split_special_tokens"),
        special=usual_tokens(config, folder, fast),
        max_characters=config.optional_whole("max_characters", 1),
    )


def read_optional(path: Path) -> Fields:
    """Read a JSON object, empty where there is no such file."""
    return fields.read(path) if path.is_file() else Fields({}, str(path))


def _gives_types(config: Fields, folder: Path) -> bool:
    if "model_input_names" in config:
        return "token_type_ids" in config.texts("model_input_names")
    return tokenizer_class(config, folder) in _TYPED_CLASSES


def tokenizer_class(config: Fields, folder: Path) -> str:
    """Return the class that transformers loads: ``"Bert"`` for BertTokenizer and its Fast form.

    Args:
        config: ``tokenizer_config.json``.
        folder: Where it lies.
    """
    model = read_optional(folder / "config.json")
    kind = model.optional_text("model_type") or ""
    if kind in _GENERIC_MODELS:
        return ""
    name = config.optional_text("tokenizer_class") or model.optional_text("tokenizer_class")
    if name is None:
        return _CLASSES.get(kind, "")
    return name.removesuffix("Fast").removesuffix("Tokenizer")


def usual_tokens(config: Fields, folder: Path, fast: FastTokenizer) -> dict[str, str]:
    """Return the special tokens by role.

    ``special_tokens_map.json`` is of the time before ``added_tokens_decoder``: where both are
    there it is not read, and where it is read it comes before ``tokenizer_config.json``.
    """
    named = dict(config.values)
    if "added_tokens_decoder" not in named:
        named.update(read_optional(folder / "special_tokens_map.json").values)
    if fast.padding is not None:
        named.setdefault("pad_token", fast.padding["pad_token"])
    found = {role: text for role in ROLES if (text := token_text(named.get(role))) is not None}
    for role, usual in _USUAL.items():
        known = [token for token in usual if fast.token_to_id(token) is not None]
        if role not in found and known:
            found[role] = known[0]
    return found


def token_text(value: Any) -> str | None:
    """Return the text of a token, which is written as a string or as an object."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None
