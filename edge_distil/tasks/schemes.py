"""Label schemes of token classification: what a label says of its token's place in an entity.

BIO and IO, and the schemes with ends: BIOES (IOBES), BILOU and BMES, whose letters differ and
whose meaning is one. ``-`` or ``_`` divides the letter from the type; the letter may be lower
case, the type may be left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
# Letter -> role: begin, inside, end, single. M is BMES's inside; L and U are BILOU's end and
# single, W (whole) is BMEWO's.
_ROLES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
_DIVIDERS = "-_"
_PLAIN = ("B-", "I-")  # a prefix whatever other labels there are, as in transformers
NAMELESS = "_"  # the type of labels that are letters alone, as in seqeval


class Tag(NamedTuple):
    """A label's place in an entity and the entity's type.

    Attributes:
        role: ``"O"``, ``"B"``, ``"I"``, ``"E"`` or ``"S"``; a label without a letter is ``"I"``.
        type: The type; of ``O`` it is ``"O"``.
    """

    role: str
    type: str

    def __str__(self) -> str:
        """Write it with the letters of BIOES."""
        return OUTSIDE if self.role == OUTSIDE else f"{self.role}-{self.type}"


def read_scheme(labels: Iterable[str]) -> dict[str, Tag]:
    """Read a set of labels as what they are.

    A letter is one where some type has it beside another letter, and ``B`` is among these:
    ``E-mail`` beside ``B-PER`` and ``I-PER`` is a type of its own.

    >>> [str(tag) for tag in read_scheme(["O", "B-PER", "L-PER", "U-PER"]).values()]
    ['O', 'B-PER', 'E-PER', 'S-PER']
    >>> [str(tag) for tag in read_scheme(["O", "B-PER", "I-PER", "E-mail", "LOC"]).values()]
    ['O', 'B-PER', 'I-PER', 'I-E-mail', 'I-LOC']

    Args:
        labels: All labels of a model.

    Returns:
        Label -> tag.
    """
    names = list(dict.fromkeys(labels))
    split = {name: found for name in names if (found := _split(name))}
    letters: dict[str, set[str]] = defaultdict(set)
    for letter, kind in split.values():
        letters[kind].add(letter)
    used = set().union(*(found for found in letters.values() if len(found) > 1))
    scheme: dict[str, Tag] = {}
    for name in names:
        letter, kind = split.get(name, ("", ""))
        is_letter = "B" in used and letter in used
        if name == OUTSIDE:
            scheme[name] = Tag(OUTSIDE, OUTSIDE)
        elif is_letter or (name.startswith(_PLAIN) and len(name) > 2):
            scheme[name] = Tag(_ROLES[letter], kind)
        else:
            scheme[name] = Tag("I", name)
    return scheme


def read_tag(tag: str) -> Tag | None:
    """Read one tag of a file, where all have a letter; ``None`` where there is none.

    >>> read_tag("U-LOC"), read_tag("LOC")
    (Tag(role='S', type='LOC'), None)
    """
    if tag == OUTSIDE:
        return Tag(OUTSIDE, OUTSIDE)
    letter, kind = _split(tag) or ("", "")
    return Tag(_ROLES[letter], kind) if letter else None


def group(tags: Sequence[Tag]) -> list[list[int]]:
    """Join neighbours to entities; the indices of each.

    >>> group([Tag("B", "PER"), Tag("E", "PER"), Tag("I", "PER"), Tag("S", "PER")])
    [[0, 1], [2], [3]]
    """
    groups: list[list[int]] = []
    for index, tag in enumerate(tags):
        if index and continues(tags[index - 1], tag):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def continues(left: Tag, right: Tag) -> bool:
    """Say whether a token goes on with the entity of the one before it.

    Ill-formed sequences are read as ``conlleval`` reads them: what continues nothing begins.
    """
    return left.type == right.type and left.role not in "ES" and right.role not in "BS"


def _split(label: str) -> tuple[str, str] | None:
    """Split a letter off, in upper case; ``None`` where there is none."""
    letter, rest = label[:1].upper(), label[1:]
    if letter not in _ROLES:
        return None
    if not rest:
        return letter, NAMELESS
    return (letter, rest[1:]) if rest[0] in _DIVIDERS and len(rest) > 1 else None
