"""The paper's figures: what can be counted is counted by transformers too."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from edge_distil_apps.study import paper


def parameters(model: torch.nn.Module, without: str = "(nothing)") -> int:
    return sum(p.numel() for name, p in model.named_parameters() if without not in name)


@pytest.fixture(scope="module")
def distilbert() -> torch.nn.Module:
    with torch.device("meta"):
        return DistilBertModel(DistilBertConfig())


def test_parameters_are_those_of_transformers(distilbert: torch.nn.Module) -> None:
    with torch.device("meta"):
        bert = BertModel(BertConfig(), add_pooling_layer=False)
    assert parameters(distilbert) == paper.DISTILBERT.parameters
    assert parameters(bert) == paper.BERT.parameters
    # 110 M and 66 M in the paper's table, in whole millions.
    for name, shape in (("bert-base", paper.BERT), ("distilbert-base", paper.DISTILBERT)):
        assert abs(shape.parameters - paper.TABLE_3[name].parameters) < 2e6


def test_the_207_mb_are_a_model_without_attention(distilbert: torch.nn.Module) -> None:
    """The published file is larger by what a header and names take: a few KB."""
    kept = parameters(distilbert, without="attention.") - 512 * 768  # nor the position table
    assert kept == paper.parameters_without_attention(paper.DISTILBERT) == 51_795_456
    assert paper.fp32_bytes(kept) == 207_181_824
    assert 0 < paper.APP_FILE_BYTES - paper.fp32_bytes(kept) < 4096
    assert round(paper.APP_FILE_BYTES / 1e6) == paper.PHONE_MEGABYTES


def test_the_two_readings_of_71_percent() -> None:
    faster, less_time = 1 + paper.PHONE_FASTER, 1 / (1 - paper.PHONE_FASTER)
    assert faster == pytest.approx(1.71)
    assert paper.APP_LOG.reduction == pytest.approx(paper.PHONE_FASTER, abs=0.005)
    assert paper.APP_LOG.ratio == pytest.approx(less_time, rel=0.02)
    assert paper.APP_DEVICE.ratio == pytest.approx(1.52, abs=0.005)
    assert paper.APP_DEVICE.reduction == pytest.approx(0.34, abs=0.005)


def test_sixty_percent_faster_is_a_ratio() -> None:
    bert, distilbert = paper.TABLE_3["bert-base"], paper.TABLE_3["distilbert-base"]
    assert bert.seconds / distilbert.seconds == pytest.approx(1.63, abs=0.005)
    assert 1 - distilbert.seconds / bert.seconds == pytest.approx(0.386, abs=0.0005)
    assert 1 - distilbert.parameters / bert.parameters == pytest.approx(0.4)
    glue = paper.TABLE_1_GLUE
    assert glue["distilbert-base"] / glue["bert-base"] == pytest.approx(0.97, abs=0.005)
