"""A cut vocabulary, beside the whole one as the tokenizers and transformers libraries read both."""

from __future__ import annotations

import json
import random
from pathlib import Path

import cut_checkpoints
import pytest
import torch
import transformers
from cut_checkpoints import CORPUS, KINDS
from tokenizers import Tokenizer

from edge_distil.errors import BundleExists, CheckpointError, DistilError, InputError
from edge_distil_distil.smaller import cut_vocabulary, outside, refuse_outside

INSIDE = [*CORPUS[:4], "Zyx [MASK] qq, 東京 is 1,024 km away.", "", "a" * 200]
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def cuts(tmp_path_factory):
    """Make a checkpoint of a kind and its cut, once."""
    made = {}

    def make(kind: str) -> tuple[Path, Path]:
        if kind not in made:
            folder = tmp_path_factory.mktemp("cut")
            whole = cut_checkpoints.checkpoint(folder / "whole", kind)
            cut_vocabulary(whole, folder / "cut", INSIDE)
            made[kind] = whole, folder / "cut"
        return made[kind]

    return make


def _tokenizers(pair):
    return [Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in pair]


@kinds
def test_texts_inside_are_split_as_before(cuts, kind):
    whole, cut = _tokenizers(cuts(kind))
    for text in INSIDE:
        assert cut.encode(text).tokens == whole.encode(text).tokens
    assert cut.get_vocab_size() < 0.8 * whole.get_vocab_size()


@kinds
def test_any_text_of_kept_pieces_is_split_as_before(cuts, kind):
    """Not the texts that were given alone: whatever consists of their pieces."""
    whole, cut = _tokenizers(cuts(kind))
    kept = set(cut.get_vocab())
    draw = random.Random(0)
    words = [word for text in INSIDE[:4] for word in text.split()]
    inside = 0
    for _ in range(3000):
        made = draw.choice(words)[: draw.randint(1, 8)] + draw.choice(words)[-draw.randint(1, 8) :]
        text = " ".join([draw.choice(words), made, draw.choice(words)])
        before = whole.encode(text)
        if kept.issuperset(before.tokens):
            inside += 1
            assert cut.encode(text).tokens == before.tokens, text
    assert inside > 300


@kinds
def test_transformers_gives_the_same_outputs(cuts, kind):
    whole, cut = cuts(kind)
    models = [transformers.AutoModelForMaskedLM.from_pretrained(f).eval() for f in (whole, cut)]
    readers = [transformers.AutoTokenizer.from_pretrained(f) for f in (whole, cut)]
    names = sorted(readers[1].get_vocab(), key=readers[1].get_vocab().__getitem__)
    kept = [readers[0].get_vocab()[name] for name in names]
    for text in INSIDE:
        outputs = []
        for model, reader in zip(models, readers, strict=True):
            row = reader(text, return_tensors="pt", truncation=True, max_length=60)
            row.pop("token_type_ids", None)
            with torch.no_grad():
                outputs.append(model(**row, output_hidden_states=True))
        before, after = outputs
        assert torch.equal(after.hidden_states[-1], before.hidden_states[-1])
        torch.testing.assert_close(after.logits, before.logits[..., kept], atol=1e-5, rtol=1e-5)
    assert models[1].config.vocab_size == models[1].get_input_embeddings().num_embeddings


@kinds
def test_special_tokens_keep_their_roles(cuts, kind):
    whole, cut = (transformers.AutoTokenizer.from_pretrained(f) for f in cuts(kind))
    assert cut.special_tokens_map == whole.special_tokens_map
    assert cut.pad_token_id == whole.pad_token_id  # RoBERTa's positions begin behind it
    assert cut.convert_ids_to_tokens(cut("x").input_ids[0]) == whole.cls_token
    config = json.loads((cuts(kind)[1] / "config.json").read_text())
    assert config["pad_token_id"] == cut.pad_token_id
    assert config["bos_token_id"] == cut.cls_token_id != whole.cls_token_id


@kinds
def test_letters_of_the_texts_spell_other_words(cuts, kind):
    _, cut = _tokenizers(cuts(kind))
    reader = transformers.AutoTokenizer.from_pretrained(cuts(kind)[1])
    assert reader.unk_token not in cut.encode("htearstes onilse").tokens


def test_texts_outside_are_found_and_refused(cuts):
    whole, cut = cuts("WordPiece")
    assert outside(cut, INSIDE) == []
    refuse_outside(cut, INSIDE)
    kept = set(_tokenizers((whole, cut))[1].get_vocab())
    others = [
        t for t in CORPUS if not kept.issuperset(_tokenizers((whole, cut))[0].encode(t).tokens)
    ]
    assert outside(cut, CORPUS) == others != []
    with pytest.raises(InputError, match="outside the cut vocabulary"):
        refuse_outside(cut, CORPUS)
    with pytest.raises(CheckpointError, match=r"has no tokenizer\.uncut\.json"):
        outside(whole, CORPUS)


def _cut_tokens(folder, kind, tokenizer, texts):
    """Cut a tokenizer to texts; return what both make of each."""
    whole = cut_checkpoints.checkpoint(folder / "whole", kind, "", tokenizer)
    cut_vocabulary(whole, folder / "cut", texts)
    pair = _tokenizers((whole, folder / "cut"))
    return [[reader.encode(text).tokens for text in texts] for reader in pair]


def test_an_unknown_word_stays_unknown(tmp_path):
    """WordPiece takes "qx", then fails at "☃"; without "qx" it would take "q" and "##x☃"."""
    tokenizer = cut_checkpoints.word_pieces()
    document = json.loads(tokenizer.to_str())
    for piece in ("qx", "##x☃", "q", "z"):
        document["model"]["vocab"].setdefault(piece, len(document["model"]["vocab"]))
    assert "zx" not in document["model"]["vocab"]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    before, after = _cut_tokens(tmp_path, "WordPiece", tokenizer, ["qx☃", "zx☃", "q"])
    assert "[UNK]" in before[0]
    assert "##x☃" in before[1]
    assert before[2][1] == "q"
    assert after == before


def test_an_unknown_character_costs_as_much_as_before(tmp_path):
    """Its score is the least of all, less 10: were it dearer than "xa" + "bc" + "de" no more ..."""
    document = json.loads(cut_checkpoints.unigrams().to_str())
    document["model"]["vocab"] = [
        *([token, 0.0] for token in cut_checkpoints.SPECIAL),
        *([piece, -20.0] for piece in ("▁xa", "bc", "de")),
        *([f"rare{index}", -19.0] for index in range(40)),
        ["rarest", -100.0],
        *([piece, -5.0] for piece in ("abcde", "▁")),
    ]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    before, after = _cut_tokens(tmp_path, "Unigram", tokenizer, ["xabcde", "abcde"])
    assert before[0][1:-1] == ["▁xa", "bc", "de"]
    assert before[1][1:-1] == ["▁", "abcde"]
    assert after == before


def test_sentence_transformers_reads_the_cut_checkpoint(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    plain = cut_checkpoints.checkpoint(tmp_path / "plain", "WordPiece", head="")
    body = Transformer(str(plain), max_seq_length=60)
    SentenceTransformer(modules=[body, Pooling(32)], device="cpu").save(str(tmp_path / "whole"))
    found = cut_vocabulary(tmp_path / "whole", tmp_path / "cut", INSIDE)
    whole, cut = (
        SentenceTransformer(str(tmp_path / name), device="cpu") for name in ("whole", "cut")
    )
    assert (cut.encode(INSIDE) == whole.encode(INSIDE)).all()
    assert found.difference == 0.0
    assert found.parameters_before - found.parameters == 32 * (found.rows_before - found.rows)


def test_half_precision_stays(tmp_path):
    whole = cut_checkpoints.checkpoint(tmp_path / "whole", "WordPiece", head="")
    transformers.AutoModel.from_pretrained(whole).half().save_pretrained(whole)
    cut_vocabulary(whole, tmp_path / "cut", INSIDE)
    assert transformers.AutoModel.from_pretrained(tmp_path / "cut").dtype == torch.float16


def test_a_family_with_a_further_table_is_refused(tmp_path):
    """MobileBERT's masked LM head holds a second table, which the library cuts at its end."""
    whole = cut_checkpoints.checkpoint(tmp_path / "whole", "WordPiece", head="")
    config = transformers.MobileBertConfig(
        vocab_size=transformers.AutoConfig.from_pretrained(whole).vocab_size,
        hidden_size=32, embedding_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, true_hidden_size=16, intra_bottleneck_size=16,
    )  # fmt: skip
    transformers.MobileBertForMaskedLM(config).save_pretrained(whole)
    with pytest.raises((DistilError, CheckpointError)):
        cut_vocabulary(whole, tmp_path / "cut", INSIDE)
    assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize(
    ("texts", "message"),
    [([], "no texts"), ("one text", "put it in brackets"), ([1], "text 0 is of type int")],
)
def test_texts_that_are_none(tmp_path, texts, message):
    with pytest.raises(InputError, match=message):
        cut_vocabulary(tmp_path, tmp_path / "cut", texts)


def test_what_is_there_is_replaced_only_where_it_is_ours(tmp_path):
    whole = cut_checkpoints.checkpoint(tmp_path / "whole", "WordPiece", head="")
    with pytest.raises(InputError, match="lie in one another"):
        cut_vocabulary(whole, whole / "cut", INSIDE)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut/notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(BundleExists):
            cut_vocabulary(whole, tmp_path / "cut", INSIDE, overwrite=overwrite)
    assert (tmp_path / "cut/notes.txt").read_text() == "mine"
    (tmp_path / "cut/notes.txt").unlink()
    cut_vocabulary(whole, tmp_path / "cut", INSIDE)
    with pytest.raises(BundleExists):
        cut_vocabulary(whole, tmp_path / "cut", INSIDE)
    cut_vocabulary(whole, tmp_path / "cut", CORPUS, overwrite=True)


def test_a_folder_that_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        cut_vocabulary(tmp_path, tmp_path.parent / "cut", ["a"])
    with pytest.raises(CheckpointError, match="there is no directory"):
        cut_vocabulary(tmp_path / "absent", tmp_path / "cut", ["a"])
