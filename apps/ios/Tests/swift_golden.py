"""Regenerate the cases that the Swift tests read, from the embedded checkpoint in fp32.

    edge-distil export apps/models/minilm-l6-squad -o BUNDLE
    python apps/ios/Tests/swift_golden.py BUNDLE

``tokens.json``: what `tokenizers` gives for texts of many kinds. ``questions.json``: windows, the
model's logits and the answers of edge-distil's runtime for the cases of ``tests/golden``, which
are held to transformers' pipeline there. ``measurements.json`` is written by the Swift tests:

    EDGE_DISTIL_MEASUREMENTS=.../golden/measurements.json swift test --package-path apps/ios
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

import edge_distil

FOLDER = Path(__file__).parent / "EdgeDistilTests" / "golden"
_REPOSITORY = Path(__file__).parents[3]
TOKENIZER = _REPOSITORY / "apps" / "models" / "minilm-l6-squad" / "tokenizer.json"
_CASES = _REPOSITORY / "tests" / "golden" / "qa_cases.json"
_DIGITS = 7  # of a logit: what float32 holds
_LONG = "long-"  # contexts of many windows: one of them is enough
_KEPT = "long-default"
_CONTEXT = 1
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "",
    " \t\r\n\u00a0\u3000",
    "Où était le café « Élysée » à Zürich? ÉCOLE",
    "e\u0301cole de\u0301ja\u0300 vu a\u0328\u0301b \u0301",  # combining marks, one alone
    "I ❤️ 🍕 and 👩‍🚀! 👍🏽 🇩🇪",
    "東京は日本の首都です。 北京 서울 豈\U00020000",
    "zero\u200bwidth soft\u00adhyphen nul\u0000 bell\u0007 bad\ufffd private\ue000 \ufeffBOM",
    "tab\tline\nline\u2028next\u0085el",
    "İstanbul IĞDIR ΣΊΣΥΦΟΣ STRASSE ß ẞ ﬁn ｆｕｌｌ",
    "In 1,024 tests, 99.5% passed (v2.0-rc1) for $3.14e-2. a_b ~^`|<=>+",
    "हिन्दी ภาษาไทย العَرَبِيَّة שָׁלוֹם Tiếng Việt",
    "[CLS] is [MASK]ed[SEP] but [ SEP ] and [sep] are not [UNK][PAD]",
    "x" * 100 + " " + "x" * 101,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "\u1e9b\u0323 \u212b \u2126 \uac00\u11a8 \u1112\u1161\u11ab \u0344",
    "᙭ ᜴ ᢅa ꦽ 𑇉 ؝ ⹝ 𞊮",  # newer in Unicode than the library's tables
    "\u08de\u06ea b\u0315\u08df\u0d3b",  # marks that change places
)


def make_tokens(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Return every text with its tokens: id, start, end, word."""
    return [{"text": text, "tokens": tokens(tokenizer, text)} for text in TEXTS]


def tokens(tokenizer: Tokenizer, text: str) -> list[list[int]]:
    """Return a text's tokens, each as id, start, end and word."""
    found = tokenizer.encode(text, add_special_tokens=False)
    rows = zip(found.ids, found.offsets, found.word_ids, strict=True)
    return [[token, *place, word] for token, place, word in rows]


def make_questions(bundle: str | Path) -> list[dict[str, Any]]:
    """Return every question with its windows, logits and answers."""
    task = edge_distil.QuestionAnswering.load(bundle, variant="fp32")
    cases = json.loads(_CASES.read_text(encoding="utf-8"))
    kept = [one for one in cases if one["id"] == _KEPT or not one["id"].startswith(_LONG)]
    return [_question(task, case) for case in kept]


def _question(task: edge_distil.QuestionAnswering, case: dict[str, Any]) -> dict[str, Any]:
    question, context, params = case["question"], case["context"], case["params"]
    length = params.get("max_seq_len", 384)
    windows = task.encoder.tokenizer.pair_windows(
        question,
        context,
        max_length=length,
        stride=params.get("doc_stride", min(length // 2, 128)),
        max_first=params.get("max_question_len", 64),
    )
    answers = task.batch([(question, context)], **params)[0]
    return {
        **case,
        "windows": [_window(task, window) for window in windows],
        "answers": [answer._asdict() for answer in answers],
    }


def _window(task: edge_distil.QuestionAnswering, window: Encoding) -> dict[str, Any]:
    names = ("start_logits", "end_logits")
    (_, outputs), *_ = task.encoder.run([window], names)
    places = zip(window.sequence_ids, window.offsets, strict=True)
    return {
        "ids": window.ids,
        "type_ids": window.type_ids,
        "offsets": [list(place) for sequence, place in places if sequence == _CONTEXT],
        **{name: [float(f"{x:.{_DIGITS}g}") for x in outputs[name][0]] for name in names},
    }


def load_tokenizer() -> Tokenizer:
    """Open the embedded checkpoint's tokenizer, without the padding it was trained with."""
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def main() -> None:
    """Write both files."""
    for name, cases in (
        ("tokens", make_tokens(load_tokenizer())),
        ("questions", make_questions(sys.argv[1])),
    ):
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
