"""The study's inputs, and what is counted from its models' graphs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import transformers
from study_models import SIZES
from torch.utils.flop_counter import FlopCounterMode

from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.errors import DataError
from edge_distil_apps.study import counting
from edge_distil_apps.study.architectures import BERT, DISTILBERT, Architecture
from edge_distil_apps.study.inputs import (
    FULL_PASSAGE,
    PADDED,
    PAIRS,
    QUESTIONS,
    UNPADDED,
    make_inputs,
    same_tokens,
)
from edge_distil_apps.study.vocabulary import vocabulary_folder
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.protocol.timed_task import pad

PADDING_TOLERANCE = 1e-5  # of the logits: masked positions weigh nothing, sums round otherwise
# Words of a sentence of the STS benchmark: most news and caption sentences are in this range.
FEWEST_WORDS, MOST_WORDS = 3, 30
SEED = 1

# Configuration -> (hidden, feed-forward, layers) of the tiny models.
WIDTHS = {DISTILBERT: (32, 64, 1), BERT: (32, 64, 2)}


@pytest.fixture(scope="module")
def encoder(study_models: Path) -> Encoder:
    return open_encoder(study_models / DISTILBERT.name)


@pytest.fixture(scope="module")
def inputs(encoder: Encoder) -> dict[str, Queries]:
    return make_inputs(encoder, SEED, squad=None, stsb=None, quick=True)


def test_the_long_passage_fills_384_tokens_of_berts_vocabulary(inputs: dict[str, Queries]) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(vocabulary_folder())
    [(question, passage)] = inputs[FULL_PASSAGE].texts
    assert len(tokenizer(question, passage)["input_ids"]) == 384
    assert inputs[FULL_PASSAGE].inputs.tokens == (384,)


def test_padding_changes_the_length_and_not_the_answer(
    inputs: dict[str, Queries], encoder: Encoder
) -> None:
    padded, plain = inputs[PADDED], inputs[UNPADDED]
    assert (padded.texts, padded.ids) == (plain.texts, plain.ids)
    assert (padded.inputs.tokens, padded.inputs.padded_to) == ((384,), 384)
    [length] = plain.inputs.tokens
    assert 150 < length < 200
    [(question, passage)] = plain.texts
    feeds = collate(encoder.tokenizer.encode([(question, passage)]), encoder.tokenizer.pad_id)
    expected = encoder.session.run(feeds)
    for name, logits in encoder.session.run(pad(feeds, 384, encoder.tokenizer.pad_id)).items():
        np.testing.assert_allclose(logits[:, :length], expected[name], atol=PADDING_TOLERANCE)


def test_own_texts_are_questions_with_passages_and_pairs(inputs: dict[str, Queries]) -> None:
    questions, pairs = inputs[QUESTIONS], inputs[PAIRS]
    assert len(set(questions.texts)) == len(questions.texts) == 80
    assert all(question.endswith("?") for question, _ in questions.texts)
    assert max(questions.inputs.tokens) <= 384
    assert len(set(pairs.texts)) == len(pairs.texts) == 64
    words = [len(sentence.split()) for pair in pairs.texts for sentence in pair]
    assert min(words) >= FEWEST_WORDS
    assert max(words) <= MOST_WORDS


def test_a_seed_gives_one_sample(encoder: Encoder, inputs: dict[str, Queries]) -> None:
    again = make_inputs(encoder, SEED, squad=None, stsb=None, quick=True)
    other = make_inputs(encoder, SEED + 1, squad=None, stsb=None, quick=True)
    assert again == inputs
    assert other[QUESTIONS].texts != inputs[QUESTIONS].texts
    assert sorted(other[QUESTIONS].texts) == sorted(inputs[QUESTIONS].texts)


def test_squad_and_stsb_files_take_the_place_of_own_texts(encoder: Encoder, tmp_path: Path) -> None:
    question = {"id": "1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    too_long = {"context": "word " * 500, "qas": [{**question, "id": "2"}]}
    fits = {"context": "Ada came.", "qas": [question]}
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": [fits, too_long]}]}))
    stsb = tmp_path / "stsb.tsv"
    stsb.write_text("".join(f"a {n}\tb {n}\t1.0\n" for n in range(100)))
    quick, full = (
        make_inputs(encoder, SEED, squad=squad, stsb=stsb, quick=quick) for quick in (True, False)
    )
    assert quick[QUESTIONS].texts == (("Who?", "Ada came."),)
    assert len(set(quick[PAIRS].texts)) == 64
    assert full[PAIRS].texts == tuple((f"a {n}", f"b {n}") for n in range(100))


def test_a_squad_file_without_a_passage_that_fits(encoder: Encoder, tmp_path: Path) -> None:
    question = {"id": "1", "question": "Who?", "answers": [{"text": "word", "answer_start": 0}]}
    long = {"context": "word " * 500, "qas": [question]}
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": [long]}]}))
    with pytest.raises(DataError, match=r"squad\.json has no question that fits"):
        make_inputs(encoder, SEED, squad=squad, stsb=None, quick=True)


def test_tokenizers_are_compared_by_what_they_give(
    study_models: Path, tiny: Path, inputs: dict[str, Queries]
) -> None:
    ours = [Tokenizer(study_models / a.name, 512) for a in SIZES]
    other = Tokenizer(tiny / "question_answering", 512)
    assert same_tokens(ours, inputs.values())
    assert not same_tokens([ours[0], other], inputs.values())


@pytest.mark.parametrize("architecture", SIZES, ids=lambda a: a.name)
def test_parameters_are_pytorchs(study_models: Path, architecture: Architecture) -> None:
    found = counting.count(study_models / architecture.name / "onnx" / "model.onnx")
    assert found.parameters == sum(p.numel() for p in _pytorch(study_models, architecture))


@pytest.mark.parametrize("architecture", SIZES, ids=lambda a: a.name)
def test_operations_are_the_closed_formula_and_pytorchs(
    study_models: Path, architecture: Architecture
) -> None:
    (a, b) = counting.count(study_models / architecture.name / "onnx" / "model.onnx").flops
    hidden, wide, layers = WIDTHS[architecture]
    # Four projections and two feed-forward halves a layer, and two logits a token.
    assert a == layers * (4 * 2 * hidden**2 + 2 * 2 * hidden * wide) + 2 * 2 * hidden
    assert b == layers * 2 * 2 * hidden  # scores and their weighted sums
    model = _model(study_models, architecture)
    for tokens in (7, 100):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.ones(1, tokens, dtype=torch.long))
        assert a * tokens + b * tokens**2 == counter.get_total_flops()


def test_a_shared_constant_is_no_weight() -> None:
    helper = onnx.helper
    weight = onnx.numpy_helper.from_array(np.ones((3, 4), np.float32), "weight")
    scale = onnx.numpy_helper.from_array(np.array(2, np.float32), "scale")
    shape = onnx.numpy_helper.from_array(np.array([1, 2], np.int64), "shape")
    graph = helper.make_graph([], "g", [], [], initializer=[weight, scale, shape])
    assert counting.count_parameters(helper.make_model(graph)) == 12


def _model(study_models: Path, architecture: Architecture) -> torch.nn.Module:
    checkpoint = study_models.parent / "checkpoints" / architecture.name
    kind = getattr(transformers, architecture.model)
    model: torch.nn.Module = kind.from_pretrained(checkpoint, attn_implementation="eager").eval()
    return model


def _pytorch(study_models: Path, architecture: Architecture) -> list[torch.nn.Parameter]:
    return list(_model(study_models, architecture).parameters())
