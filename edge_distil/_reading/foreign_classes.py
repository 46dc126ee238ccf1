"""What transformers' tokenizer classes put in the place of what ``tokenizer.json`` says.

A class with a constructor of its own takes the vocabulary from the file and builds the rest by its
own rules and the fields of ``tokenizer_config.json``: normalizer, pre-tokenizer, special tokens
around a text. Others, and classes that transformers does not know, take the file as it is.

Source: the constructors of the classes named here, of transformers 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as FastTokenizer

from edge_distil._reading.fields import Fields

Roles = Mapping[str, AddedToken | None]
_TYPED = "begin:0 $A:0 end:0", "begin:0 $A:0 end:0 $B:1 end:1"
_DOUBLED = "begin $A end", "begin $A end end $B end"
_END = "<|endoftext|>"


@dataclass(frozen=True)
class TokenizerClass:
    """A class of transformers that rebuilds its tokenizer.

    Attributes:
        model: The kind of vocabulary that it takes.
        split: Sets normalizer, pre-tokenizer and what else comes before the vocabulary.
        frame: Sets the special tokens around a text, once all tokens have their ids.
        defaults: Its token for each role.
        extra: Its further tokens, where no file names any.
        unknown_id: The id that it takes for what the vocabulary lacks, whatever the file says.
    """

    model: type[Any]
    split: Callable[[FastTokenizer, FastTokenizer, Fields], None]
    frame: Callable[[FastTokenizer, Fields, Roles], None]
    defaults: Mapping[str, AddedToken]
    extra: tuple[str, ...] = ()
    unknown_id: int | None = None


def frame_by_file(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    """Leave the special tokens around a text as they are; where the file says none, none.

    The fields ``add_bos_token`` and ``add_eos_token`` are not read where there is a
    ``tokenizer.json``. Source: ``TokenizersBackend.update_post_processor``, whose second text is of
    type 1.
    """
    if fast.post_processor is None:
        fast.post_processor = processors.TemplateProcessing(
            single="$A:0", pair="$A:0 $B:1", special_tokens=[]
        )


def _words(fast: FastTokenizer, file: FastTokenizer, config: Fields) -> None:
    accents = config.flag("strip_accents") if "strip_accents" in config else None
    fast.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=config.flag("tokenize_chinese_chars", default=True),
        strip_accents=accents,
        lowercase=config.flag("do_lower_case", default=True),
    )
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()


def _bytes(fast: FastTokenizer, file: FastTokenizer, config: Fields) -> None:
    space = config.flag("add_prefix_space")
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)


def _pieces(fast: FastTokenizer, file: FastTokenizer, config: Fields) -> None:
    """XLM-R's and CamemBERT's: of the file's normalizer its table of characters is left."""
    fast.normalizer = _table(file)
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), _metaspace(config, "never")]
    )


def _albert(fast: FastTokenizer, file: FastTokenizer, config: Fields) -> None:
    _pieces(fast, file, config)
    steps: list[Any] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not config.flag("keep_accents"):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if config.flag("do_lower_case", default=True):
        steps.append(normalizers.Lowercase())
    table = _table(file)
    fast.normalizer = normalizers.Sequence([*steps, *([] if table is None else [table])])


def _deberta_bytes(fast: FastTokenizer, file: FastTokenizer, config: Fields) -> None:
    fast.normalizer = None
    _bytes(fast, file, config)


def _deberta_pieces(fast: FastTokenizer, file: FastTokenizer, config: Fields) -> None:
    lower = [normalizers.Lowercase()] if config.flag("do_lower_case") else []
    blanks = normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " ")
    steps: list[Any] = [*lower, blanks, normalizers.NFC(), normalizers.Strip(False, True)]
    fast.normalizer = normalizers.Sequence(steps)
    split = [pre_tokenizers.Punctuation("isolated")] if config.flag("split_by_punct") else []
    parts: list[Any] = [*split, _metaspace(config, "first")]
    fast.pre_tokenizer = pre_tokenizers.Sequence(parts)


def _table(file: FastTokenizer) -> Any:
    before: Any = file.normalizer
    parts = iter(before) if isinstance(before, normalizers.Sequence) else [before]
    return next((part for part in parts if isinstance(part, normalizers.Precompiled)), None)


def _metaspace(config: Fields, otherwise: str) -> Any:
    scheme = "always" if config.flag("add_prefix_space", default=True) else otherwise
    return pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme)


def _frame_typed(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    """Bert's: the second text is of type 1."""
    _frame(fast, roles, ("cls_token", 2), ("sep_token", 3), _TYPED)


def _frame_deberta(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    _frame(fast, roles, ("cls_token", 0), ("sep_token", 0), _TYPED)


def _frame_deberta_bytes(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    _frame(fast, roles, ("cls_token", 0), ("sep_token", 0), _DOUBLED)


def _frame_pieces(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    _frame(fast, roles, ("bos_token", 0), ("eos_token", 0), _DOUBLED)


def _frame_albert(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    if fast.post_processor is None:
        _frame_typed(fast, config, roles)
    frame_by_file(fast, config, roles)


def _frame_roberta(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    trim = config.flag("trim_offsets", default=True)
    _frame_bytes(fast, roles, trim=trim, space=config.flag("add_prefix_space"))


def _frame_mpnet(fast: FastTokenizer, config: Fields, roles: Roles) -> None:
    _frame_bytes(fast, roles, trim=True, space=False)


def _frame_bytes(fast: FastTokenizer, roles: Roles, *, trim: bool, space: bool) -> None:
    (sep, sep_id), (cls, cls_id) = (
        _known(fast, roles, *usual) for usual in (("sep_token", 2), ("cls_token", 0))
    )
    fast.post_processor = processors.RobertaProcessing((sep, sep_id), (cls, cls_id), trim, space)


def _frame(
    fast: FastTokenizer,
    roles: Roles,
    first: tuple[str, int],
    last: tuple[str, int],
    templates: tuple[str, str],
) -> None:
    """Put the tokens of two roles, each with an id that stands in for it, around a text."""
    (first_text, begin), (last_text, end) = (_known(fast, roles, *usual) for usual in (first, last))
    if first_text == last_text:  # one name in the library's template, whose last id counts
        begin = end
    single, pair = templates
    fast.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("begin", begin), ("end", end)]
    )


def _known(fast: FastTokenizer, roles: Roles, role: str, otherwise: int) -> tuple[str, int]:
    """Return a role's token and its id; transformers takes a fixed id where there is none."""
    token = roles.get(role)
    found = None if token is None else fast.token_to_id(token.content)
    return token.content if token else "", otherwise if found is None else found


def _tokens(**texts: str) -> dict[str, AddedToken]:
    return {f"{role}_token": AddedToken(text, special=True) for role, text in texts.items()}


_BRACKETS = _tokens(sep="[SEP]", pad="[PAD]", cls="[CLS]", mask="[MASK]")
_ENDS = _tokens(bos="[CLS]", eos="[SEP]")
_ANGLES = _tokens(bos="<s>", eos="</s>", sep="</s>", cls="<s>", pad="<pad>", mask="<mask>")
_WITH_SPACE = {**_ANGLES, "mask_token": AddedToken("<mask>", lstrip=True, special=True)}
_UNKNOWN_WORD, _UNKNOWN_PIECE = _tokens(unk="[UNK]"), _tokens(unk="<unk>")
_BERT = TokenizerClass(models.WordPiece, _words, _frame_typed, {**_BRACKETS, **_UNKNOWN_WORD})
_ROBERTA = TokenizerClass(models.BPE, _bytes, _frame_roberta, {**_ANGLES, **_UNKNOWN_PIECE})
# Name, without "Tokenizer" and "Fast" -> what it does.
CLASSES: dict[str, TokenizerClass] = {
    **dict.fromkeys(
        "Bert ConvBert DPRContextEncoder DPRQuestionEncoder DistilBert Electra LayoutLM Lxmert "
        "MobileBert SqueezeBert".split(),
        _BERT,
    ),
    **dict.fromkeys("Bart LED Longformer Mvp Roberta".split(), _ROBERTA),
    "MPNet": TokenizerClass(
        models.WordPiece, _words, _frame_mpnet, {**_WITH_SPACE, **_UNKNOWN_WORD}
    ),
    "XLMRoberta": TokenizerClass(
        models.Unigram, _pieces, _frame_pieces, {**_ANGLES, **_UNKNOWN_PIECE}, unknown_id=3
    ),
    "Camembert": TokenizerClass(
        models.Unigram,
        _pieces,
        _frame_pieces,
        {**_WITH_SPACE, **_UNKNOWN_PIECE},
        extra=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"),
    ),
    **dict.fromkeys(
        ("Albert", "FNet"),
        TokenizerClass(
            models.Unigram,
            _albert,
            _frame_albert,
            {**_BRACKETS, **_ENDS, **_UNKNOWN_PIECE, **_tokens(pad="<pad>")},
            unknown_id=1,
        ),
    ),
    "Deberta": TokenizerClass(
        models.BPE, _deberta_bytes, _frame_deberta_bytes, {**_BRACKETS, **_ENDS, **_UNKNOWN_WORD}
    ),
    "DebertaV2": TokenizerClass(
        models.Unigram, _deberta_pieces, _frame_deberta, {**_BRACKETS, **_ENDS, **_UNKNOWN_WORD}
    ),
    "GPT2": TokenizerClass(
        models.BPE, _bytes, frame_by_file, _tokens(unk=_END, bos=_END, eos=_END)
    ),
}
# Further classes that rebuild their tokenizer, or split texts in Python.
UNKNOWN = frozenset(
    "Barthez Bartpho BertGeneration BertJapanese Bertweet BigBird BioGpt Blenderbot "
    "BlenderbotSmall ByT5 CLIP CTRL Canine Clvp CodeGen CodeLlama Cohere Cpm CpmAnt DPRReader Esm "
    "Esmc FSMT Flaubert Funnel GPTNeoX GPTNeoXJapanese GPTSw3 Gemma Herbert LayoutLMv2 LayoutLMv3 "
    "LayoutXLM Llama Luke M2M100 MBart MBart50 MLuke Marian MarkupLM MyT5 Nllb Nougat OpenAIGPT "
    "PLBart Pegasus Perceiver Phobert ProphetNet Qwen2 Qwen3_5 Reformer RemBert RoCBert RoFormer "
    "SeamlessM4T Siglip Siglip2 Splinter T5 Tapas Udop Whisper XGLM XLM XLNet".split()
)
