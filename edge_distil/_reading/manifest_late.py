"""The manifest's ``late_interaction``: which tokens' vectors a text has, and how texts compare."""

from __future__ import annotations

from dataclasses import dataclass

from edge_distil._reading.fields import LARGEST_ID, Fields
from edge_distil._reading.manifest_pooling import WIDEST

SIMILARITIES = ("maxsim", "meanmaxsim")  # sentence-transformers' names
LONGEST_EXPANSION = 4_096  # tokens; ColBERT has 32, and each costs as much as a word


@dataclass(frozen=True)
class Side:
    """How the texts of one side, queries or documents, are read.

    Attributes:
        max_length: Longest sequence in tokens, special tokens included.
        prompt: Put before each text.
        skip: Ids of the tokens whose vectors are left out.
    """

    max_length: int
    prompt: str = ""
    skip: tuple[int, ...] = ()


@dataclass(frozen=True)
class Expansion:
    """How short queries are filled up with tokens that have a vector, too.

    Attributes:
        length: Tokens of the shortest query, special ones and those that fill it up included.
        token: Id of the token that fills it up.
        attend: The model attends to these tokens; else they see the text, and it does not see them.
    """

    length: int
    token: int
    attend: bool


@dataclass(frozen=True)
class LateSettings:
    """How texts become a vector a token, as the checkpoint says.

    Attributes:
        dimension: Length of each vector.
        query: How queries are read.
        document: How documents are read.
        expansion: Set where short queries are filled up.
        similarity: One of `SIMILARITIES`.
    """

    dimension: int
    query: Side
    document: Side
    expansion: Expansion | None = None
    similarity: str = SIMILARITIES[0]


def read_late(manifest: Fields) -> LateSettings:
    """Read the manifest's settings of late interaction.

    Args:
        manifest: The whole document.

    Raises:
        BundleCorrupt: A field is missing, of the wrong kind or out of range.
    """
    raw = manifest.object("late_interaction")
    dimension = raw.whole("dimension", 1, WIDEST)
    longest = manifest.whole("max_length", 1)  # which neither side may exceed
    query, document = (_side(raw.object(name), longest) for name in ("query", "document"))
    expansion = None
    if "expansion" in raw:
        expansion = _expansion(raw.object("expansion"), min(longest, LONGEST_EXPANSION))
    return LateSettings(
        dimension=dimension,
        query=query,
        document=document,
        expansion=expansion,
        similarity=raw.text("similarity", choices=SIMILARITIES),
    )


def _side(raw: Fields, longest: int) -> Side:
    return Side(
        max_length=raw.whole("max_length", 1, longest),
        prompt=raw.text("prompt"),
        skip=raw.wholes("skip", 0, LARGEST_ID),
    )


def _expansion(raw: Fields, longest: int) -> Expansion:
    return Expansion(
        length=raw.whole("length", 1, longest),
        token=raw.whole("token", 0, LARGEST_ID),
        attend=raw.flag("attend"),
    )
