"""A student has the teacher's weights where they belong, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import transformers

from edge_distil.errors import DistilError, InputError
from edge_distil_distil.students import chosen_layers, shorten, to_distilbert

SAME = 1e-5  # float32, another order of additions
PUBLISHED = (0, 2, 4, 7, 9, 11)  # extract_distilbert.py
# extract_distilbert.py: of each kept layer, what is read and what is written.
PUBLISHED_NAMES = [
    ("attention.q_lin", "attention.self.query"),
    ("attention.k_lin", "attention.self.key"),
    ("attention.v_lin", "attention.self.value"),
    ("attention.out_lin", "attention.output.dense"),
    ("sa_layer_norm", "attention.output.LayerNorm"),
    ("ffn.lin1", "intermediate.dense"),
    ("ffn.lin2", "output.dense"),
    ("output_layer_norm", "output.LayerNorm"),
]
IDS = torch.arange(2 * 7).view(2, 7) % 90 + 5
HEADS = ["Model", "ForMaskedLM", "ForQuestionAnswering", "ForTokenClassification"]


def bert(head: str, layers: int = 12) -> transformers.PreTrainedModel:
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=100, hidden_size=48, num_hidden_layers=layers, num_attention_heads=12,
        intermediate_size=96, max_position_embeddings=32,
        num_labels=2 if head == "ForQuestionAnswering" else 3,
    )  # fmt: skip
    model = getattr(transformers, f"Bert{head}")(config).eval()
    for name, weight in model.named_parameters():  # biases and norms, too, are all different
        torch.nn.init.normal_(weight, mean=float(name.endswith("LayerNorm.weight")), std=0.2)
    return model


def test_of_twelve_layers_the_published_six_are_taken() -> None:
    assert chosen_layers(12, 6) == PUBLISHED
    assert [chosen_layers(6, n) for n in (6, 4, 3, 2, 1)] == [
        (0, 1, 2, 3, 4, 5), (0, 2, 3, 5), (0, 2, 5), (0, 5), (0,)
    ]  # fmt: skip
    for wrong in (0, 13):
        with pytest.raises(InputError, match="expected 1 to 12"):
            chosen_layers(12, wrong)


def test_base_models_have_the_papers_sizes() -> None:
    with torch.device("meta"):
        teacher = transformers.BertModel(transformers.BertConfig(), add_pooling_layer=False)
        student = to_distilbert(teacher, PUBLISHED)
    counts = [sum(p.numel() for p in model.parameters()) for model in (teacher, student)]
    assert [round(count / 1e6, 1) for count in counts] == [108.9, 66.4]


def test_every_weight_is_the_published_scripts() -> None:
    teacher = bert("ForMaskedLM")
    theirs, ours = teacher.state_dict(), to_distilbert(teacher, PUBLISHED).state_dict()
    expected = {
        f"distilbert.embeddings.{name}.weight": theirs[f"bert.embeddings.{name}.weight"]
        for name in ("word_embeddings", "position_embeddings", "LayerNorm")
    }
    expected["distilbert.embeddings.LayerNorm.bias"] = theirs["bert.embeddings.LayerNorm.bias"]
    for place, layer in enumerate(PUBLISHED):
        for new, old in PUBLISHED_NAMES:
            for kind in ("weight", "bias"):
                expected[f"distilbert.transformer.layer.{place}.{new}.{kind}"] = theirs[
                    f"bert.encoder.layer.{layer}.{old}.{kind}"
                ]
    for kind in ("weight", "bias"):
        expected[f"vocab_projector.{kind}"] = theirs[f"cls.predictions.decoder.{kind}"]
        expected[f"vocab_transform.{kind}"] = theirs[f"cls.predictions.transform.dense.{kind}"]
        expected[f"vocab_layer_norm.{kind}"] = theirs[f"cls.predictions.transform.LayerNorm.{kind}"]
    assert set(ours) == set(expected)
    assert all(torch.equal(ours[name], expected[name]) for name in ours)


@pytest.mark.parametrize("head", HEADS)
def test_a_distilbert_does_what_the_cut_bert_does_without_token_types(
    head: str, tmp_path: Path
) -> None:
    teacher = bert(head)
    to_distilbert(teacher, PUBLISHED).save_pretrained(tmp_path)
    auto = "AutoModel" if head == "Model" else f"AutoModel{head}"
    student = getattr(transformers, auto).from_pretrained(tmp_path).eval()
    assert type(student).__name__ == f"DistilBert{head}"
    cut = copy.deepcopy(teacher)
    base = cut if head == "Model" else cut.bert
    base.encoder.layer = torch.nn.ModuleList([base.encoder.layer[i] for i in PUBLISHED])
    torch.nn.init.zeros_(base.embeddings.token_type_embeddings.weight)
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    ours, theirs = (m(input_ids=IDS, attention_mask=mask)[0] for m in (student, cut))
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours[mask.bool()], theirs[mask.bool()], atol=SAME, rtol=SAME)


def test_a_classifier_of_texts_keeps_its_encoder_and_its_head() -> None:
    teacher = bert("ForSequenceClassification")
    student = to_distilbert(teacher, PUBLISHED)
    assert torch.equal(student.classifier.weight, teacher.classifier.weight)
    found = student.distilbert.transformer.layer[3].ffn.lin1.weight
    assert torch.equal(found, teacher.bert.encoder.layer[7].intermediate.dense.weight)


def test_only_a_bert_becomes_a_distilbert() -> None:
    electra = transformers.ElectraModel(
        transformers.ElectraConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=50,
            intermediate_size=32,
        )
    )  # fmt: skip
    with pytest.raises(DistilError, match="expected 'bert'"):
        to_distilbert(electra, (0, 1))
    other = bert("Model")
    other.config.layer_norm_eps = 1e-5
    with pytest.raises(DistilError, match="1e-05"):
        to_distilbert(other, (0, 1))


FAMILIES = ["distilbert", "bert", "roberta", "xlm-roberta", "mpnet", "electra", "mobilebert"]


@pytest.mark.parametrize("family", [*FAMILIES, "modernbert"])
def test_a_shorter_model_is_the_cut_one(family: str) -> None:
    import tiny

    teacher = tiny.build_model(family, "feature-extraction", num_hidden_layers=4)
    student = shorten(teacher, (0, 2, 3)).eval()
    assert student.config.num_hidden_layers == 3
    cut = copy.deepcopy(teacher).eval()
    [(name, layers)] = [
        (name, module)
        for name, module in cut.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == 4
    ]
    kept = torch.nn.ModuleList([layers[i] for i in (0, 2, 3)])
    holder = cut.get_submodule(name.rpartition(".")[0])
    setattr(holder, name.rpartition(".")[2], kept)
    cut.config.num_hidden_layers = 3
    if getattr(cut.config, "layer_types", None):
        cut.config.layer_types = [cut.config.layer_types[i] for i in (0, 2, 3)]
    ours, theirs = (m(input_ids=IDS)[0] for m in (student, cut))
    torch.testing.assert_close(ours, theirs, atol=SAME, rtol=SAME)


def test_shared_layers_are_refused() -> None:
    import tiny

    with pytest.raises(DistilError, match="no single list of 4 layers"):
        shorten(tiny.build_model("albert", "feature-extraction", num_hidden_layers=4), (0, 3))
