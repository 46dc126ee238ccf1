"""Make the tokenizers and the cases that the runtimes in other languages are held to.

    python tests/golden/tokenizers/golden_tokenizers.py

``bpe.json`` and ``unigram.json``: small vocabularies trained on the repository's own texts, built
as RoBERTa's and XLM-R's are. ``cases.json``: what `tokenizers` gives for texts of many kinds, with
them and with the embedded checkpoint's WordPiece: ids, offsets in code points, words, token types.
"""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

FOLDER = Path(__file__).parent
REPOSITORY = Path(__file__).parents[3]
WORDPIECE = REPOSITORY / "apps" / "models" / "minilm-l6-squad" / "tokenizer.json"
SAMPLE = REPOSITORY / "quantize" / "edge_distil_quantize" / "calibration" / "sample.txt"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "",
    " \t\r\n\u00a0\u3000",
    "Où était le café « Élysée » à Zürich? ÉCOLE",
    "e\u0301cole de\u0301ja\u0300 vu a\u0328\u0301b \u0301",
    "I ❤️ 🍕 and 👩‍🚀! 👍🏽 🇩🇪",
    "東京は日本の首都です。 北京 서울 豈\U00020000",
    "zero\u200bwidth soft\u00adhyphen nul\u0000 bell\u0007 bad\ufffd private\ue000 \ufeffBOM",
    "tab\tline\nline\u2028next\u0085el",
    "İstanbul IĞDIR ΣΊΣΥΦΟΣ STRASSE ß ẞ ﬁn ｆｕｌｌ",
    "In 1,024 tests, 99.5% passed (v2.0-rc1) for $3.14e-2. a_b ~^`|<=>+",
    "हिन्दी ภาษาไทย العَرَبِيَّة שָׁלוֹם Tiếng Việt",
    "[CLS] is [MASK]ed[SEP] but [ SEP ] and <mask>  <mask> </s> are not [UNK]<pad>",
    "x" * 100 + " " + "x" * 101,
    "It's we'll I'D they've  two  spaces\n\nand lines",
    "\u1e9b\u0323 \u212b \u2126 \uac00\u11a8 \u1112\u1161\u11ab \u0344",
    "᙭ ᜴ ᢅa ꦽ 𑇉 ؝ ⹝ 𞊮",
    "\u08de\u06ea b\u0315\u08df\u0d3b",
)
# Blocks from which random texts are drawn; ASCII most of all.
_BLOCKS = [(0x20, 0x7E)] * 6 + [
    (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xEFF),
    (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF),
    (0x4E00, 0x4EFF), (0xAC00, 0xACFF), (0xFB00, 0xFFFF), (0x1F300, 0x1F6FF), (0x1D400, 0x1D7FF),
    (0, 0x10FFFF),
]  # fmt: skip
_WHOLE = ["[MASK]", "<mask>", "</s>", "[SEP]", " <mask>", "  ", "\n", "\u0301", "\u200d",
          "\u0327\u0301", "'s", " ``"]  # fmt: skip
_FUZZED = 200


def fuzzed(count: int, seed: int) -> list[str]:
    """Draw texts of up to 30 characters from many scripts."""
    draw = random.Random(seed)

    def part() -> str:
        kind = draw.random()
        if kind < 0.28:
            return draw.choice(_WHOLE) if kind < 0.08 else " "
        code = draw.randint(*draw.choice(_BLOCKS))
        return "a" if 0xD800 <= code < 0xE000 else chr(code)

    return ["".join(part() for _ in range(draw.randint(0, 30))) for _ in range(count)]


def sample() -> list[str]:
    """Return the repository's own texts."""
    return SAMPLE.read_text(encoding="utf-8").replace("\t", "\n").split("\n")


def make_bpe(texts: list[str]) -> Tokenizer:
    """Train a byte-level BPE, as RoBERTa's is."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1200, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return tokenizer


def make_unigram(texts: list[str], *, compiled: bool = False) -> Tokenizer:
    """Train a Unigram, as XLM-R's is.

    Args:
        texts: To train on.
        compiled: Normalize by sentencepiece's compiled table, of 300 kB, rather than by NFKC.
    """
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=written, vocab_size=900,
        model_type="unigram", normalization_rule_name="nmt_nfkc", minloglevel=2,
    )  # fmt: skip
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(written.getvalue())
    entries = [(token, 0.0) for token in SPECIAL]
    entries += [(piece.piece, piece.score) for piece in model.pieces[3:]]
    tokenizer = Tokenizer(models.Unigram(entries, 3, byte_fallback=False))
    table = model.normalizer_spec.precompiled_charsmap
    tokenizer.normalizer = normalizers.Precompiled(table) if compiled else normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    mask = AddedToken("<mask>", lstrip=True, special=True)
    tokenizer.add_special_tokens([*SPECIAL, mask])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )  # fmt: skip
    return tokenizer


def describe(tokenizer: Tokenizer, text: str) -> list[Any]:
    """Return a text's ids, offsets, words and token types."""
    encoding = tokenizer.encode(text)
    return [encoding.ids, encoding.offsets, encoding.word_ids, encoding.type_ids]


def open_tokenizers() -> dict[str, Tokenizer]:
    """Return the tokenizers by name, without the padding and truncation of their files."""
    paths = {"wordpiece": WORDPIECE, "bpe": FOLDER / "bpe.json", "unigram": FOLDER / "unigram.json"}
    found = {name: Tokenizer.from_file(str(path)) for name, path in paths.items()}
    for tokenizer in found.values():
        tokenizer.no_padding()
        tokenizer.no_truncation()
    return found


def main() -> None:
    """Write the three files."""
    texts = sample()
    make_bpe(texts).save(str(FOLDER / "bpe.json"), pretty=False)
    make_unigram(texts).save(str(FOLDER / "unigram.json"), pretty=False)
    tokenizers = open_tokenizers()
    cases = [
        {"text": text, **{name: describe(one, text) for name, one in tokenizers.items()}}
        for text in (*TEXTS, *fuzzed(_FUZZED, seed=0))
    ]
    lines = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    (FOLDER / "cases.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
