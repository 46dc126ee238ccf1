"""What the paper and the repository of its mobile app say, as figures with their sources.

Two works are cited. PAPER: Sanh, Debut, Chaumond, Wolf 2019, "DistilBERT, a distilled version of
BERT", arXiv 1910.01108, version 4. APP: github.com/huggingface/swift-coreml-transformers, the Core
ML models and the benchmark log that were published with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

PAPER = "Sanh et al. 2019, arXiv 1910.01108 v4"
APP = "huggingface/swift-coreml-transformers"

_FLOAT = 4  # bytes of an fp32 parameter


class FullPass(NamedTuple):
    """A row of the paper's Table 3: parameters as printed there, and seconds of the full pass."""

    parameters: float
    seconds: float


# CPU, full pass over the STS-B development set, batch size 1.
TABLE_3 = {
    "elmo": FullPass(180e6, 895.0),
    "bert-base": FullPass(110e6, 668.0),
    "distilbert-base": FullPass(66e6, 410.0),
}
TABLE_3_SOURCE = f"{PAPER}, Table 3"
TABLE_3_CPU = "Intel Xeon E5-2690 v3"
TABLE_3_PAIRS = 1500  # sentence pairs in the STS-B development set

# Section 4.1: a question-answering model on an iPhone 7 Plus, tokenization excluded. No
# milliseconds, sequence length, precision or number of runs are given there.
PHONE_FASTER = 0.71
PHONE_MEGABYTES = 207.0
PHONE_SOURCE = f"{PAPER}, section 4.1"
PHONE = "iPhone 7 Plus"


class Squad(NamedTuple):
    """Exact match and F1 on the development set of SQuAD v1.1, in percent."""

    exact_match: float
    f1: float


TABLE_2 = {
    "bert-base": Squad(81.2, 88.5),
    "distilbert-base": Squad(77.7, 85.8),
    "distilbert-base, distilled again": Squad(79.1, 86.9),
}
TABLE_2_SOURCE = f"{PAPER}, Table 2"
TABLE_1_GLUE = {"bert-base": 79.5, "distilbert-base": 77.0}  # macro score
TABLE_1_SOURCE = f"{PAPER}, Table 1"


class Timed(NamedTuple):
    """Seconds of one forward pass of both models, and under which conditions."""

    bert: float
    distilbert: float
    conditions: str
    source: str

    @property
    def ratio(self) -> float:
        """How many times as fast DistilBERT is.

        >>> round(APP_LOG.ratio, 2)
        3.5
        """
        return self.bert / self.distilbert

    @property
    def reduction(self) -> float:
        """Which share of the time is saved.

        >>> round(APP_LOG.reduction, 3)
        0.715
        """
        return 1 - self.distilbert / self.bert


APP_LOG = Timed(
    1.118,
    0.319,
    "ten runs of the forward pass; BERT got 384 real tokens, DistilBERT 64 zeros through a build "
    "for 64 tokens",
    f"{APP}, commit f9ce549 (2019-09-16)",
)
APP_DEVICE = Timed(
    0.472, 0.311, "complete models on a device, 384 tokens, DistilBERT in fp16",
    f"{APP}, commit 079477b",
)  # fmt: skip
APP_SIMULATOR = Timed(
    1.104, 0.878, "complete models in the simulator, 384 tokens", f"{APP}, commit 079477b"
)
APP_FILE = "distilbert-512-6.mlmodel"
APP_FILE_BYTES = 207_185_526

INFERENCE = (
    "That this log is the source of the paper's figures is an inference: its date and both figures "
    "match, and neither text says so."
)


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder of the BERT family, without any head.

    Attributes:
        layers: Transformer blocks.
        types: Rows of the token-type table; DistilBERT has none.
        vocabulary: Rows of the word table.
        positions: Rows of the position table.
        hidden: Width.
        feed_forward: Inner width of the feed-forward blocks.
    """

    layers: int
    types: int = 0
    vocabulary: int = 30_522
    positions: int = 512
    hidden: int = 768
    feed_forward: int = 3_072

    @property
    def words(self) -> int:
        """Parameters of the word table."""
        return self.vocabulary * self.hidden

    @property
    def places(self) -> int:
        """Parameters of the position and token-type tables."""
        return (self.positions + self.types) * self.hidden

    @property
    def norms(self) -> int:
        """Parameters of the layer norms: after the embeddings and twice in a block."""
        return 2 * self.hidden * (1 + 2 * self.layers)

    @property
    def attention(self) -> int:
        """Parameters of the four projections (query, key, value, output) of all blocks."""
        return self.layers * 4 * (self.hidden * self.hidden + self.hidden)

    @property
    def feed_forwards(self) -> int:
        """Parameters of both matrices of all feed-forward blocks, with their biases."""
        one = 2 * self.hidden * self.feed_forward + self.feed_forward + self.hidden
        return self.layers * one

    @property
    def parameters(self) -> int:
        """All parameters.

        >>> DISTILBERT.parameters, BERT.parameters
        (66362880, 108891648)
        """
        return self.words + self.places + self.norms + self.attention + self.feed_forwards


BERT = Shape(layers=12, types=2)
DISTILBERT = Shape(layers=6)


def parameters_without_attention(shape: Shape) -> int:
    """Return the word table, layer norms and feed-forward blocks: neither attention nor positions.

    >>> parameters_without_attention(DISTILBERT) * 4, APP_FILE_BYTES
    (207181824, 207185526)
    """
    return shape.words + shape.norms + shape.feed_forwards


def fp32_bytes(parameters: int) -> int:
    """Return the bytes of so many parameters in fp32.

    >>> fp32_bytes(DISTILBERT.parameters)
    265451520
    """
    return parameters * _FLOAT
