"""The models of the study: where trained ones are found, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """A question-answering model of the study.

    Attributes:
        name: `Model.model`, and the directory of its bundle.
        flag: The option of `edge-distil study` that takes a checkpoint of it.
        model: Its class in transformers.
        config: Its configuration's class, whose defaults are the published sizes; empty for a
            model that is never made from random weights.
        hub: A checkpoint of it on the hub; empty where it is embedded.
    """

    name: str
    flag: str
    model: str
    config: str
    hub: str


DISTILBERT = Architecture(
    "distilbert-base",
    "distilbert",
    "DistilBertForQuestionAnswering",
    "DistilBertConfig",
    "distilbert/distilbert-base-uncased-distilled-squad",
)
BERT = Architecture(
    "bert-base",
    "bert",
    "BertForQuestionAnswering",
    "BertConfig",
    "csarron/bert-base-uncased-squad-v1",
)
MINILM = Architecture("minilm-l6-squad", "minilm", "BertForQuestionAnswering", "", "")

ARCHITECTURES = (DISTILBERT, BERT, MINILM)
