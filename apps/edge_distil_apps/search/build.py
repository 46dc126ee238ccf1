"""A folder of texts -> an index, or an index brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edge_distil._writing import locks
from edge_distil._writing.storage import folder_for, make_folder, storage_errors
from edge_distil.errors import InputError, RowsError
from edge_distil_apps.search import folder as folders
from edge_distil_apps.search.folder import Listing, Source
from edge_distil_apps.search.model import Model
from edge_distil_apps.search.passages import Passage, split
from edge_distil_apps.search.store import UNFINISHED, Store, exists, is_part
from edge_distil_apps.search.vectors import EXACT_UP_TO, write_graph

_AT_ONCE = 512  # passages embedded together: enough to sort by length, seconds of work at most

Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What a build did, in numbers of files but for `passages` and `embedded`.

    Attributes:
        added: New files.
        changed: Files whose text is another now.
        removed: Files that are gone.
        unchanged: Files that were left as they are.
        skipped: Files and folders that could not be read, each with the reason. What the index has
            of them stays, except where a file is no longer text.
        embedded: Passages that were embedded.
        passages: Passages in the index.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    embedded: int = 0
    passages: int = 0


class _File(NamedTuple):
    """A file to be indexed."""

    source: Source
    sha256: str
    passages: list[Passage]


def build(
    folder: str | Path,
    index: str | Path,
    *,
    bundle: str | Path | None = None,
    variant: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    graph_above: int = EXACT_UP_TO,
) -> Report:
    """Index the .txt, .md and .rst files of a folder; of an index that is there, what changed.

    An interrupted build goes on where it was; searches in the meantime see whole files.

    Args:
        folder: The texts.
        index: The directory of the index.
        bundle: An embedding bundle; of an index that is there, where the bundle is now.
        variant: Its variant, for a new index.
        threads: Of the runtime.
        progress: Called with the number of files looked at and of all.
        graph_above: Build the approximate graph for more passages than this.

    Raises:
        InputError: No such folder, no text in it, no bundle for a new index, another bundle or
            folder than that of the index.
        BundleError: The bundle cannot be opened.
        PlaceBusy: Another process is building it.
        StorageError: The index cannot be written.
    """
    root, place = Path(folder), Path(index)
    listing = folders.text_files(root, but=place)
    with ExitStack() as stack:
        with storage_errors(place):
            stack.enter_context(folder_for(place))
            try:
                stack.enter_context(locks.hold(locks.beside(place.resolve()), place))
            except PermissionError:  # to write an index takes no right on the folder that holds it
                if not exists(place):
                    raise
            if exists(place):
                stack.enter_context(locks.hold(locks.inside(place), place))
        _check_place(place)
        store = stack.enter_context(closing(Store(place))) if exists(place) else None
        if store is not None:
            _check_folder(store, root)
        # Before anything is made: a bundle that cannot be opened leaves nothing behind.
        model = _open_model(store, place, Path(bundle) if bundle else None, variant, threads)
        settings = {
            "bundle": model.record,
            "folder": str(root.resolve()),
            "dimension": model.dimension,
            UNFINISHED: True,
        }
        if store is None:
            make_folder(place)
            with storage_errors(place):
                stack.enter_context(locks.hold(locks.inside(place), place))
            store = stack.enter_context(closing(Store(place, create=settings)))
        else:
            store.remember(settings)
        report = _update(store, root, listing, model, progress or (lambda done, total: None))
        write_graph(store, place, more_than=graph_above)
        store.remember({UNFINISHED: False})
    if not report.passages:
        raise InputError(f"the files of {root} hold no text that can be read: {_first(report)}")
    return report


def _check_place(place: Path) -> None:
    """Raise `InputError` where something else than an index is."""
    if not place.exists() or exists(place):
        return
    if not place.is_dir() or any(not is_part(path) for path in place.iterdir()):
        what = "is not empty and is not an index" if place.is_dir() else "is a file"
        raise InputError(f"{place} {what}: choose another directory for the index (-o)")


def _check_folder(store: Store, root: Path) -> None:
    """Raise `InputError` where the index is of another folder that is still there."""
    known = Path(store.get("folder"))
    if known != root.resolve() and known.is_dir():
        raise InputError(
            f"the index is of {known}, got {root}: choose another index (-o), or delete this one"
        )


def _open_model(
    store: Store | None,
    index: Path,
    bundle: Path | None,
    variant: str | None,
    threads: int | None,
) -> Model:
    """Open the model of an index, or the one that is chosen for a new index."""
    if store is not None:
        record = store.get("bundle")
        if variant not in (None, record["variant"]):
            raise InputError(
                f"--variant is {variant}, the index was built with {record['variant']}: leave it "
                "out, or build another index"
            )
        return Model(record, index=index, path=bundle, threads=threads, bulk=True)
    if bundle is None:
        raise InputError("a new index needs an embedding bundle: give it with --bundle DIR")
    record = {"path": str(bundle), "variant": variant}
    return Model(record, index=index, threads=threads, bulk=True)


def _first(report: Report) -> str:
    name, reason = next(iter(report.skipped.items()), ("all of them", "empty"))
    return f"{name} ({reason})"


def _update(store: Store, root: Path, listing: Listing, model: Model, progress: Progress) -> Report:
    report = Report(skipped=dict(listing.unreadable))
    listed = {source.name for source in listing.sources}
    gone = {name for name in store.files() if name not in listed and not listing.may_hold(name)}
    _remove(store, gone)
    report.removed = len(gone)
    changed = _changed(store, root, listing.sources, report, progress)
    for files in _groups(changed):
        texts = [embedded_text(passage) for file in files for passage in file.passages]
        vectors = model.embed_passages(texts)
        first = 0
        with store.transaction(write=True):
            for file in files:
                last = first + len(file.passages)
                store.add(file.source, file.sha256, file.passages, vectors[first:last])
                first = last
        report.embedded += len(texts)
    report.passages = store.count()
    return report


def _changed(
    store: Store, root: Path, sources: Sequence[Source], report: Report, progress: Progress
) -> Iterator[_File]:
    """Yield the files that are new or whose text changed; note all others in `report`."""
    known = store.files()
    for number, source in enumerate(sources):
        progress(number, len(sources))
        before, digest = known.get(source.name, (None, ""))
        if before == source:
            report.unchanged += 1
            continue
        try:
            text, sha256 = folders.read(root, source)
        except OSError as error:  # nobody knows whether it changed
            report.skipped[source.name] = error.strerror or str(error)
            continue
        except RowsError as error:
            report.skipped[source.name] = str(error)
            _remove(store, {source.name} & set(known))  # what it held may no longer stand there
            continue
        if sha256 == digest:
            store.touch(source)
            report.unchanged += 1
            continue
        report.added += before is None
        report.changed += before is not None
        yield _File(source, sha256, split(text, markdown=source.markdown))
    progress(len(sources), len(sources))


def _groups(files: Iterator[_File]) -> Iterator[list[_File]]:
    """Gather files until they have `_AT_ONCE` passages."""
    group: list[_File] = []
    for file in files:
        group.append(file)
        if sum(len(each.passages) for each in group) >= _AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _remove(store: Store, names: set[str]) -> None:
    if names:
        with store.transaction(write=True):
            for name in names:
                store.remove(name)


def embedded_text(passage: Passage) -> str:
    """Put the headings before a passage that does not begin with them."""
    own = passage.heading.rsplit(" > ", 1)[-1] in passage.text[: len(passage.heading) + 8]
    above = passage.heading.rpartition(" > ")[0] if own else passage.heading
    return f"{above}\n{passage.text}" if above else passage.text
