"""`prepared`: a teacher with a cut vocabulary, and a narrower student to begin as."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_distil._writing import locks
from edge_distil._writing.storage import atomic_file, make_folder
from edge_distil_distil.data.texts import read_texts
from edge_distil_distil.jobs import describe_data, describe_model
from edge_distil_distil.smaller.vocabulary import VocabularyCut, cut_vocabulary, refuse_outside
from edge_distil_distil.smaller.width import Pruned, prune_feed_forward
from edge_distil_distil.teachers.origin import find_origin

_KEY = "key.json"


@dataclass(frozen=True)
class Prepared:
    """What a training begins with.

    Attributes:
        teacher: The teacher, or its copy with a cut vocabulary.
        student: What the student begins as; ``None`` is the teacher.
    """

    teacher: str | Path
    student: Path | None = None


@contextmanager
def prepared(
    teacher: str | Path,
    output: Path,
    *,
    vocabulary_texts: Sequence[Path] = (),
    width: int | None = None,
    data: Sequence[Path] = (),
    refuse: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Prepared]:
    """Make what is asked for beside an output, and take it away when the block ends well.

    What is there of an interrupted call of the same kind is used again.

    Args:
        teacher: A checkpoint's directory or hub id.
        output: The student's directory; this goes to ``.NAME.smaller`` beside it.
        vocabulary_texts: Files whose texts the vocabulary is cut to; none cuts nothing.
        width: Neurons of the student's feed-forward; ``None`` leaves them.
        data: What the student learns from: read for the importance of neurons, and refused where
            it has pieces outside the cut vocabulary.
        refuse: False lets such texts be spelt in the pieces that are kept.
        say: Hears one line at the start of every stage.

    Raises:
        EdgeDistilError: See `cut_vocabulary`, `prune_feed_forward` and `refuse_outside`.
    """
    if not vocabulary_texts and width is None:
        yield Prepared(teacher)
        return
    origin = find_origin(teacher)
    folder = output.absolute().with_name(f".{output.name}.smaller")
    make_folder(folder.parent)
    with locks.hold(locks.beside(folder), folder):
        key = {
            "teacher": describe_model(origin), "texts": describe_data(vocabulary_texts),
            "width": width, "data": describe_data(data),
        }  # fmt: skip
        _keep_only(folder, key)
        whole, name = origin.path, origin.name.replace("/", "-")
        if vocabulary_texts:
            cut = folder / f"{name}-cut"
            if not cut.is_dir():
                say(f"cutting {origin.name}'s vocabulary to {len(vocabulary_texts)} files")
                say(describe_cut(cut_vocabulary(whole, cut, read_texts(vocabulary_texts))))
            whole = cut
            if refuse and data:
                refuse_outside(cut, read_texts(data), ", ".join(path.name for path in data))
        student = None
        if width is not None:
            student = folder / f"{whole.name}-width-{width}"
            if not student.is_dir():
                say(f"measuring which {width} neurons a layer matter most")
                texts = read_texts(data or vocabulary_texts)
                say(describe_pruning(prune_feed_forward(whole, student, width, texts)))
        yield Prepared(whole, student)
        shutil.rmtree(folder)


def describe_cut(found: VocabularyCut) -> str:
    """Say in a line what a cut did."""
    return (
        f"{found.rows:,} of {found.rows_before:,} pieces, {found.parameters / 1e6:.1f} of "
        f"{found.parameters_before / 1e6:.1f} M parameters; {found.texts:,} texts give the same, "
        f"{'bit for bit' if found.difference == 0 else f'within {found.difference:.1g}'}"
    )


def describe_pruning(found: Pruned) -> str:
    """Say in a line what a pruning did."""
    return (
        f"{found.width:,} of {found.width_before:,} neurons, {found.parameters / 1e6:.1f} of "
        f"{found.parameters_before / 1e6:.1f} M parameters; before any training the outputs "
        f"change by {found.error:.1%} of their squared size".replace("%", " %")
    )


def _keep_only(folder: Path, key: Mapping[str, object]) -> None:
    """Throw away what is there of another call."""
    text = json.dumps(key, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    file = folder / _KEY
    if file.is_file() and json.loads(file.read_text(encoding="utf-8")) == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    with atomic_file(file) as temporary:
        temporary.write_text(json.dumps(digest), encoding="utf-8")
