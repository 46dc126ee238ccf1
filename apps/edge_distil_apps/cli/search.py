"""``edge-distil search``: a folder of texts -> an index; a question -> passages and an answer."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from edge_distil._reading.printable import printable
from edge_distil.errors import InputError
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.ending import remains

_BUILD = "Build"
_ASK = "Search"


def search(
    index: Annotated[Path | None, options.argument("INDEX", "An index.")] = None,
    query: Annotated[list[str] | None, options.argument("QUERY", "A question, or words.")] = None,
    build: Annotated[
        Path | None,
        options.value("--build", kind="DIR", text="A folder of .txt, .md, .rst.", panel=_BUILD),
    ] = None,
    output: Annotated[
        Path | None,
        options.output("INDEX", "The index to build.", _BUILD),
    ] = None,
    bundle: Annotated[
        Path | None,
        options.value(kind="BUNDLE", text="An embedding bundle, dense or sparse.", panel=_BUILD),
    ] = None,
    k: Annotated[
        int,
        options.value(
            "-k", "--top-k", kind="N", text="Passages; by default 10.", panel=_ASK, min=1
        ),
    ] = 10,
    mode: Annotated[
        str,
        options.value(
            kind="MODE",
            text="hybrid, vector (meaning) or words.",
            panel=_ASK,
            check=options.one_of("hybrid", "vector", "words"),
        ),
    ] = "hybrid",
    rerank: Annotated[
        Path | None,
        options.value(
            "--rerank", kind="BUNDLE", text="A cross-encoder or ColBERT, to order them.", panel=_ASK
        ),
    ] = None,
    answer: Annotated[
        bool, options.flag("--answer", text="Answer from the passages.", panel=_ASK)
    ] = False,
    qa: Annotated[
        Path | None, options.value(kind="BUNDLE", text="Who answers, for --answer.", panel=_ASK)
    ] = None,
    whole: Annotated[bool, options.flag("--whole", text="Show them whole.", panel=_ASK)] = False,
    variant: console.VariantName = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Search a folder of texts by meaning and by words.

    Examples:
    `edge-distil search --build docs -o docs.index --bundle minilm`

    `edge-distil search docs.index "How are weights quantized?" --answer --qa qa`

    `edge-distil search docs.index "How are weights quantized?" --rerank cross-encoder`

    Building again embeds only what changed. --variant chooses the embedding variant of a new
    index; --bundle later says where the bundle is now, if it was moved without the index.
    """
    if build is not None:
        if index is not None or output is None or answer or qa or rerank:
            raise typer.BadParameter("to build, give: --build DIR -o INDEX [--bundle BUNDLE]")
        _build(build, output, bundle, variant, threads, json)
        return
    if answer != (qa is not None):
        lacks = "--answer needs --qa" if answer else "--qa needs --answer and"
        raise typer.BadParameter(f"{lacks} BUNDLE, a question-answering bundle: add it")
    if index is None or not query or output or variant:
        raise typer.BadParameter('to search, give: INDEX "QUERY" [--answer --qa BUNDLE]')
    words = " ".join(map(console.argument, query))
    _search(index, words, bundle, k, mode, rerank, qa, whole, threads, json)


def _build(
    folder: Path,
    index: Path,
    bundle: Path | None,
    variant: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    with console.needs_apps():
        from edge_distil_apps.search.build import build
        from edge_distil_apps.search.store import exists

    remains.watch(lambda: exists(index))
    start = time.perf_counter()
    with console.progress_bar("files") as progress:
        report = build(
            folder, index, bundle=bundle, variant=variant, threads=threads, progress=progress
        )
    seconds = time.perf_counter() - start
    for name, reason in report.skipped.items():
        console.note(f"skipped {printable(name)}: {printable(reason)}")
    if as_json:
        console.document({"index": str(index), **asdict(report), "seconds": round(seconds, 3)})
        return
    console.say(
        f"[bold]{console.text(str(index))}[/bold]: {console.count(report.passages, 'passage')}"
        f" · files: {report.added:,} new, {report.changed:,} changed, {report.removed:,} removed, "
        f"{report.unchanged:,} unchanged, {len(report.skipped):,} skipped · "
        f"{console.count(report.embedded, 'passage')} embedded in {seconds:,.1f} s"
    )


def _search(
    place: Path,
    query: str,
    bundle: Path | None,
    k: int,
    mode: str,
    ordering: Path | None,
    qa: Path | None,
    whole: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    from edge_distil.tasks import QuestionAnswering

    with console.needs_apps():
        from edge_distil_apps.search import Mode, answer, open_index, rerank
        from edge_distil_apps.search.rerank import READ, open_reranker
        from edge_distil_apps.search.view import Page

    task = QuestionAnswering.load(qa, threads=threads) if qa else None
    reranker = open_reranker(ordering, threads) if ordering else None
    with open_index(place, bundle=bundle, threads=threads) as index:
        hits = index.search(query, max(k, READ) if reranker else k, cast("Mode", mode))
        if reranker:
            hits = rerank(reranker, query, hits, k)
        found = answer(task, query, hits) if task else None
        folder = index.folder
        since = {hit.file: index.since(hit.file) for hit in hits}
        if index.unfinished:
            _tell_unfinished(place, folder, bool(hits))
    _tell_changes(place, folder, since)
    if as_json:
        console.document(_document(query, folder, hits, since, found))
    elif hits:
        console.show(Page(hits, folder, found, whole))
    else:
        console.say("(nothing found)")


def _tell_unfinished(place: Path, folder: Path, found: bool) -> None:
    """Say that passages are missing; where none was found, that is not an answer at all.

    Raises:
        InputError: Nothing was found.
    """
    command = shlex.join(["edge-distil", "search", "--build", str(folder), "-o", str(place)])
    words = f"{place} is unfinished, its build runs or was interrupted: go on with {command}"
    if not found:
        raise InputError(f"nothing was found, but {words}")
    console.note(words)


def _tell_changes(place: Path, folder: Path, since: Mapping[str, str | None]) -> None:
    """Say which of the files that were found are no longer as they were indexed."""
    if not any(since.values()):
        return
    build = shlex.join(["edge-distil", "search", "--build", str(folder), "-o", str(place)])
    if folder.is_dir():
        words = ", ".join(f"{file} ({became})" for file, became in since.items() if became)
        console.note(f"warning: not as they were indexed: {words}: bring the index up with {build}")
    else:
        console.note(
            f"warning: {folder}, which was indexed, is gone: passages are as they were; build an "
            "index of where the texts are now"
        )


def _document(
    query: str, folder: Path, hits: list[Any], since: Mapping[str, str | None], found: Any
) -> dict[str, Any]:
    """Return what ``--json`` prints: places as paths, too, and whether they still hold that."""
    rows = [
        {"path": str(folder / hit.file), "since": since[hit.file]}
        | {name: value for name, value in hit._asdict().items() if name != "marked"}
        for hit in hits
    ]
    answer = {}
    if found is not None:
        answer = {"answer": {"path": str(folder / found.file), **found._asdict()}}
    return {"query": query, "folder": str(folder), **answer, "hits": rows}
