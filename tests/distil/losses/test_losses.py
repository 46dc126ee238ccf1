"""Each loss beside a formulation of its own in numpy, scipy or torch, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import spatial, special
from torch import Tensor, nn

from edge_distil_distil import objectives

EXACT = 1e-6  # the largest difference allowed
BATCH, SEQUENCE, HIDDEN, CLASSES = 3, 5, 8, 7
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])
TEMPERATURES = [1.0, 2.0, 8.0]


def some(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(
        *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def tokens(values: Tensor) -> list[np.ndarray]:
    """The values at places that are no padding."""
    array = values.double().numpy()
    return [array[row, place] for row, place in zip(*np.nonzero(MASK.numpy()), strict=True)]


def divergence(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    p, q = (special.softmax(x.astype(np.float64) / temperature) for x in (teacher, student))
    return float(special.rel_entr(p, q).sum() * temperature**2)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_soft_targets_are_scipys_relative_entropy(temperature: float) -> None:
    student, teacher = some(BATCH, SEQUENCE, CLASSES), some(BATCH, SEQUENCE, CLASSES, seed=1)
    found = objectives.soft_targets(student, teacher, temperature, MASK.bool())
    pairs = zip(tokens(student), tokens(teacher), strict=True)
    expected = np.mean([divergence(ours, theirs, temperature) for ours, theirs in pairs])
    assert found.item() == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_soft_targets_differ_from_cross_entropy_by_the_teachers_entropy(temperature: float) -> None:
    student, teacher = some(BATCH, CLASSES), some(BATCH, CLASSES, seed=1)
    found = objectives.soft_targets(student, teacher, temperature)
    targets = special.softmax(teacher.double().numpy() / temperature, axis=1)
    crossed = nn.CrossEntropyLoss()(student.double() / temperature, torch.from_numpy(targets))
    entropy = special.entr(targets).sum(1).mean()
    assert found.item() == pytest.approx((crossed.item() - entropy) * temperature**2, abs=EXACT)


def test_masked_lm_is_transformers_own() -> None:
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(
        vocab_size=CLASSES, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=HIDDEN,
    )  # fmt: skip
    model = BertForMaskedLM(config).eval()
    ids = torch.arange(BATCH * SEQUENCE).view(BATCH, SEQUENCE) % CLASSES
    labels = torch.where(some(BATCH, SEQUENCE) > 1, ids, -100)
    theirs = model(input_ids=ids, attention_mask=MASK, labels=labels)
    assert (labels >= 0).any()
    assert objectives.masked_lm(theirs.logits, labels).item() == pytest.approx(
        theirs.loss.item(), abs=EXACT
    )


def test_no_masked_token_is_no_loss() -> None:
    none = torch.full((BATCH, SEQUENCE), -100)
    assert objectives.masked_lm(some(BATCH, SEQUENCE, CLASSES), none).item() == 0


def test_labels_are_torchs_cross_entropies() -> None:
    logits, classes = some(BATCH, CLASSES), torch.tensor([0, 6, 3])
    assert objectives.label_loss(logits, classes).item() == pytest.approx(
        -special.log_softmax(logits.double().numpy(), axis=1)[range(3), classes].mean(), abs=EXACT
    )
    many = (some(BATCH, CLASSES, seed=1) > 0).double()
    p = special.expit(logits.double().numpy())
    expected = -np.where(many.numpy() > 0, np.log(p), np.log1p(-p)).mean()
    assert objectives.label_loss(logits, many).item() == pytest.approx(expected, abs=EXACT)


def test_cosine_is_torchs_embedding_loss_and_scipys_distance() -> None:
    student, teacher = some(BATCH, SEQUENCE, HIDDEN), some(BATCH, SEQUENCE, HIDDEN, seed=1)
    found = objectives.cosine(student, teacher, MASK).item()
    ours, theirs = (torch.tensor(np.array(tokens(x))) for x in (student, teacher))
    torchs = nn.CosineEmbeddingLoss()(ours, theirs, torch.ones(len(ours)))
    assert found == pytest.approx(torchs.item(), abs=EXACT)
    pairs = zip(ours.numpy(), theirs.numpy(), strict=True)
    assert found == pytest.approx(np.mean([spatial.distance.cosine(*p) for p in pairs]), abs=EXACT)


def test_hidden_error_is_torchs_through_a_projection() -> None:
    projection = nn.Linear(HIDDEN, 2 * HIDDEN).double()
    student, teacher = some(BATCH, SEQUENCE, HIDDEN), some(BATCH, SEQUENCE, 2 * HIDDEN, seed=1)
    found = objectives.hidden_error(student, teacher, MASK, projection).item()
    matrix, offset = (x.detach().double().numpy() for x in projection.parameters())
    pairs = zip(tokens(student), tokens(teacher), strict=True)
    expected = np.mean([np.square(matrix @ a + offset - b).mean() for a, b in pairs])
    assert found == pytest.approx(expected, abs=EXACT)
    same = objectives.hidden_error(student, some(BATCH, SEQUENCE, HIDDEN, seed=2), torch.ones(3, 5))
    theirs = nn.MSELoss()(student, some(BATCH, SEQUENCE, HIDDEN, seed=2))
    assert same.item() == pytest.approx(theirs.item(), abs=EXACT)


def test_attention_scores_are_what_bert_takes_the_softmax_of() -> None:
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertSelfAttention

    config = BertConfig(hidden_size=HIDDEN, num_attention_heads=2, attn_implementation="eager")
    layer = BertSelfAttention(config).eval().double()
    states = some(BATCH, SEQUENCE, HIDDEN)
    theirs = layer(states)[1]
    scores = objectives.attention_scores(layer.query(states), layer.key(states), 2)
    ours = special.softmax(scores.detach().double().numpy(), axis=-1)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=EXACT)


def test_scores_error_counts_pairs_of_tokens() -> None:
    shape = (BATCH, 2, SEQUENCE, SEQUENCE)
    student, teacher = some(*shape), some(*shape, seed=1)
    found = objectives.scores_error(student, teacher, MASK).item()
    kept = [
        np.square((student[row, :, :n, :n] - teacher[row, :, :n, :n]).double().numpy()).ravel()
        for row, n in enumerate(MASK.sum(1).tolist())
    ]
    assert found == pytest.approx(np.concatenate(kept).mean(), abs=EXACT)


def test_relations_are_those_of_the_paper_written_out() -> None:
    student, teacher = some(BATCH, SEQUENCE, HIDDEN), some(BATCH, SEQUENCE, 2 * HIDDEN, seed=1)
    found = objectives.relations(student, teacher, 4, MASK).item()
    each = []
    for row, count in enumerate(MASK.sum(1).tolist()):
        for head in range(4):
            related = []
            for x in (student, teacher):
                width = x.shape[-1] // 4
                part = x[row, :count, head * width : (head + 1) * width].double().numpy()
                related.append(special.softmax(part @ part.T / np.sqrt(width), axis=-1))
            each.append(special.rel_entr(related[1], related[0]).sum(-1))
    assert found == pytest.approx(np.concatenate(each).mean(), abs=EXACT)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_spans_are_the_published_script_without_padding(temperature: float) -> None:
    ours = some(BATCH, SEQUENCE), some(BATCH, SEQUENCE, seed=1)
    theirs = some(BATCH, SEQUENCE, seed=2), some(BATCH, SEQUENCE, seed=3)
    counts = MASK.sum(1).tolist()
    expected = np.mean([
        divergence(a[row, :n].numpy(), b[row, :n].numpy(), temperature)
        for a, b in zip(ours, theirs, strict=True) for row, n in enumerate(counts)
    ])  # fmt: skip
    found = objectives.span_soft_targets(ours, theirs, temperature, MASK)
    assert found.item() == pytest.approx(expected, abs=EXACT)
    places = torch.tensor([4, 0, 2]), torch.tensor([4, 2, 3])
    expected = np.mean([
        -special.log_softmax(a[row, :n].double().numpy())[place[row]]
        for a, place in zip(ours, places, strict=True) for row, n in enumerate(counts)
    ])  # fmt: skip
    assert objectives.span_labels(ours, places, MASK).item() == pytest.approx(expected, abs=EXACT)


def test_vector_cosine_is_scipys_distance() -> None:
    student, teacher = some(BATCH, HIDDEN), some(BATCH, HIDDEN, seed=1)
    expected = [spatial.distance.cosine(a, b) for a, b in zip(student, teacher, strict=True)]
    found = objectives.vector_cosine(student, teacher).item()
    assert found == pytest.approx(np.mean(expected), abs=EXACT)


def _gradients() -> dict[str, object]:
    target = some(BATCH, SEQUENCE, HIDDEN, seed=9)
    flat = some(BATCH, SEQUENCE, seed=9)
    places = torch.tensor([4, 0, 2])
    ids = torch.arange(BATCH * SEQUENCE).view(BATCH, SEQUENCE) % HIDDEN
    square = (BATCH, 2, SEQUENCE, SEQUENCE)
    return {
        "soft_targets": lambda x: objectives.soft_targets(x, target, 2.0, MASK.bool()),
        "masked_lm": lambda x: objectives.masked_lm(x, ids),
        "label_loss": lambda x: objectives.label_loss(x, (target > 0).double()),
        "cosine": lambda x: objectives.cosine(x, target, MASK),
        "hidden_error": lambda x: objectives.hidden_error(x, target, MASK),
        "relations": lambda x: objectives.relations(x, target, 2, MASK),
        "scores_error": lambda x: objectives.scores_error(
            objectives.attention_scores(x, x, 2), some(*square), MASK
        ),
        "span_soft_targets": lambda x: objectives.span_soft_targets(
            (x[..., 0], x[..., 1]), (flat, flat), 2.0, MASK
        ),
        "span_labels": lambda x: objectives.span_labels(
            (x[..., 0], x[..., 1]), (places, places), torch.ones(BATCH, SEQUENCE)
        ),
        "vector_cosine": lambda x: objectives.vector_cosine(x[:, 0], target[:, 0]),
    }


GRADIENTS = _gradients()


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_the_numerical_ones(name: str) -> None:
    loss = GRADIENTS[name]
    states = some(BATCH, SEQUENCE, HIDDEN).requires_grad_()
    assert torch.autograd.gradcheck(loss, (states,), raise_exception=True)
    loss(states).backward()
    assert states.grad.abs().max() > 0


@pytest.mark.parametrize("name", GRADIENTS)
def test_each_loss_trains_alone(name: str) -> None:
    """What a linear layer makes of fixed inputs comes near to what the loss asks for."""
    torch.manual_seed(0)
    layer, inputs = nn.Linear(HIDDEN, HIDDEN).double(), some(3, 5, HIDDEN)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    losses = []
    for _ in range(150):
        loss = GRADIENTS[name](layer(inputs))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
